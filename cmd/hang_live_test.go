//go:build live

package cmd_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
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

// failing runs scripts that are meant to fail, and keeps what is told of it.
type failing struct {
	*testing.T
	told   *strings.Builder
	failed *bool
}

func (f failing) Parallel()         {}
func (f failing) Verbose() bool     { return false }
func (f failing) Log(args ...any)   { fmt.Fprintln(f.told, args...) }
func (f failing) FailNow()          { *f.failed = true; runtime.Goexit() }
func (f failing) Fatal(args ...any) { f.Log(args...); f.FailNow() }

func (f failing) Run(_ string, do func(testscript.T)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(f)
	}()
	<-done
}

// A script that fails while a command of it builds, whose shell does not pass the
// signal on, ends at once, and takes everything away.
func TestFailingScriptEndsItsCommands(t *testing.T) {
	params := liveParams(t)
	script := filepath.Join(t.TempDir(), "fails.txtar")
	if err := os.WriteFile(script, []byte(failsWhileItBuilds), 0o600); err != nil {
		t.Fatal(err)
	}
	var layouts []paths.Paths
	setUp := params.Setup
	params.Files, params.Setup = []string{script}, func(e *testscript.Env) error {
		err := setUp(e)
		layouts = append(layouts, paths.Paths{Root: e.Getenv("GOCOMPOSE_ROOT"), State: e.Getenv("GOCOMPOSE_STATE")})
		return err
	}
	var told strings.Builder
	failed := false
	testscript.RunT(failing{t, &told, &failed}, params)
	if !failed || !strings.Contains(told.String(), "it is time to fail") {
		t.Errorf("the script has not failed as it was to:\n%s", &told)
	}
	if strings.Contains(told.String(), "cleaning up:") {
		t.Errorf("not all could be taken away:\n%s", &told)
	}
	for _, p := range layouts {
		if left, err := livetest.All(p); err != nil || len(left) > 0 {
			t.Errorf("left running: %v (%v)", left, err)
		}
	}
}

const failsWhileItBuilds = `
load busybox
exec sh -c 'gocompose --progress plain build 2>said; true' &
eventually exec grep -q 'begun$' said
! exec echo it is time to fail

-- compose.yaml --
name: fails
services:
  slow:
    build:
      context: .
      dockerfile_inline: "FROM test/busybox:1\nRUN echo begun; sleep 98765\n"
`
