//go:build live

package cmd_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/internal/paths"
)

// longest is how long a script may take. The longest ones take 20 seconds on a
// machine that has nothing else to do.
const longest = 4 * time.Minute

// endHanging ends the processes of a script that takes too long, so that it fails
// by its own name, with its log; and what each of them waits for is told.
func endHanging(e *testscript.Env, p paths.Paths) {
	timer := time.AfterFunc(longest, func() {
		hanging, err := livetest.All(p)
		fmt.Fprintf(os.Stderr, "a script hangs in %s (%v):\n", e.WorkDir, err)
		for _, pid := range slices.Sorted(maps.Keys(hanging)) {
			fmt.Fprintf(os.Stderr, "%d: %s\n%s", pid, hanging[pid], waitsFor(pid))
			_ = syscall.Kill(pid, syscall.SIGQUIT) // programs of Go tell their stacks
		}
		time.Sleep(time.Second) // for the stacks
		for pid := range hanging {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	e.Defer(func() { timer.Stop() })
}

// waitsFor tells in which function of the kernel a process waits, and what its
// output goes to.
func waitsFor(pid int) string {
	var b strings.Builder
	dir := fmt.Sprintf("/proc/%d", pid)
	for _, name := range []string{"wchan", "status"} {
		text, _ := os.ReadFile(filepath.Join(dir, name))
		for line := range strings.Lines(string(text)) {
			if name == "wchan" || strings.HasPrefix(line, "State:") || strings.HasPrefix(line, "PPid:") {
				fmt.Fprintf(&b, "  %s\n", strings.TrimSpace(line))
			}
		}
	}
	for _, fd := range []string{"1", "2"} {
		to, _ := os.Readlink(filepath.Join(dir, "fd", fd))
		fmt.Fprintf(&b, "  %s > %s\n", fd, to)
	}
	return b.String()
}
