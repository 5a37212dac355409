//go:build live

package cmd_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/internal/paths"
)

const interrupted = `
name: interrupted
services:
  a: {image: "test/data:1", depends_on: [b], volumes: ["named:/named"]}
  b: {image: "test/busybox:1", scale: 2, depends_on: [c]}
  c: {image: "test/busybox:1", networks: [back]}
networks: {back: {}}
volumes: {named: {}}
`

// TestInterruptedUp ends up after each line that it prints, gently and by
// force, once with the engine too: the next up converges, and down leaves
// nothing.
func TestInterruptedUp(t *testing.T) {
	l := newLayout(t)
	l.must("image", "load", "-i", filepath.Join(l.images, "busybox.tar"))
	l.must("image", "load", "-i", filepath.Join(l.images, "data.tar"))
	lines := l.interruptedUp(0, nil) // how many lines there are to be interrupted at
	l.must("down", "-v")
	for line := 1; line <= lines; line++ {
		for name, strike := range map[string]func(*exec.Cmd){
			"interrupt": func(c *exec.Cmd) { _ = c.Process.Signal(os.Interrupt) },
			"kill":      func(c *exec.Cmd) { _ = c.Process.Kill() },
			"engine":    func(*exec.Cmd) { l.killEngine() },
		} {
			t.Run(fmt.Sprintf("%s-after-line-%d", name, line), func(t *testing.T) {
				l.t = t
				l.interruptedUp(line, strike)
				if name == "interrupt" && l.exit != 130 && l.exit != 0 { // 0: it was through already
					t.Errorf("exit code %d after Ctrl-C, want 130", l.exit)
				}
				l.must("up", "-d")
				if out := l.must("plan"); strings.TrimSpace(out) != "" && !strings.Contains(strings.ToLower(out), "nothing to do") {
					t.Fatalf("up has not converged:\n%s", out)
				}
				l.must("down", "-v")
				l.noContainers()
			})
		}
	}
	l.t = t
	l.must("system", "stop")
	// A shim that the engine forgot while it was killed leaves by itself.
	left, err := livetest.Leftovers(l.paths)
	for end := time.Now().Add(patience); len(left) > 0 && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
		left, err = livetest.Leftovers(l.paths)
	}
	if err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
}

// TestKilledDown kills down after each line that it prints: the next down leaves
// nothing.
func TestKilledDown(t *testing.T) {
	l := newLayout(t)
	l.must("image", "load", "-i", filepath.Join(l.images, "busybox.tar"))
	l.must("image", "load", "-i", filepath.Join(l.images, "data.tar"))
	down := func() *exec.Cmd { return l.command("--progress", "plain", "down", "-v") }
	l.must("up", "-d")
	lines := l.interrupted(down(), 0, nil)
	for line := 1; line <= lines; line++ {
		t.Run(fmt.Sprintf("after-line-%d", line), func(t *testing.T) {
			l.t = t
			l.must("up", "-d")
			l.interrupted(down(), line, func(c *exec.Cmd) { _ = c.Process.Kill() })
			l.must("down", "-v")
			l.noContainers()
		})
	}
	l.t = t
	l.must("system", "stop")
	if left, err := livetest.Leftovers(l.paths); err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
}

// layout is a place of its own for one test that runs the programs in bin/.
type layoutDir struct {
	t      *testing.T
	bin    string
	dir    string
	images string
	env    []string
	paths  paths.Paths
	exit   int // code of the last interrupted up
}

func newLayout(t *testing.T) *layoutDir {
	t.Helper()
	bin, err := filepath.Abs("../bin")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH")) // for cleaning up, in process
	state, err := os.MkdirTemp("/run", "gct-")
	if err != nil {
		t.Fatal(err)
	}
	l := &layoutDir{t: t, bin: bin, dir: t.TempDir(), images: t.TempDir()}
	l.paths = paths.Paths{Root: filepath.Join(l.dir, ".root"), State: state}
	l.env = append(os.Environ(), "GOCOMPOSE_ROOT="+l.paths.Root, "GOCOMPOSE_STATE="+state, "GOCOMPOSE_NO_SYNC=1", "PATH="+bin+":"+os.Getenv("PATH"))
	writeImages(t, l.images)
	if err := os.WriteFile(filepath.Join(l.dir, "compose.yaml"), []byte(interrupted), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left, err := livetest.Leftovers(l.paths); len(left) > 0 || err != nil {
			if err := wipe(host.Config{Paths: l.paths, Program: filepath.Join(bin, "gocompose")}); err != nil {
				t.Log("cleaning up:", err)
			}
		}
		os.RemoveAll(state)
	})
	return l
}

func (l *layoutDir) command(args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(l.bin, "gocompose"), args...)
	c.Dir, c.Env = l.dir, l.env
	return c
}

func (l *layoutDir) must(args ...string) string {
	l.t.Helper()
	out, err := l.command(args...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("gocompose %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// interruptedUp is interrupted of up.
func (l *layoutDir) interruptedUp(after int, strike func(*exec.Cmd)) int {
	l.t.Helper()
	return l.interrupted(l.command("--progress", "plain", "up", "-d"), after, strike)
}

// interrupted runs c and strikes after so many lines of progress. It returns how
// many lines there were.
func (l *layoutDir) interrupted(c *exec.Cmd, after int, strike func(*exec.Cmd)) int {
	l.t.Helper()
	stderr, err := c.StderrPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		l.t.Fatal(err)
	}
	n := 0
	for s := bufio.NewScanner(stderr); s.Scan(); {
		if n++; n == after {
			strike(c)
		}
	}
	err = c.Wait()
	if strike == nil && err != nil {
		l.t.Fatal(err)
	}
	l.exit = c.ProcessState.ExitCode()
	return n
}

// killEngine kills the private containerd.
func (l *layoutDir) killEngine() {
	l.t.Helper()
	pids, err := livetest.Processes(l.paths, "containerd --config")
	if err != nil {
		l.t.Fatal(err)
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
	}
}

func (l *layoutDir) noContainers() {
	l.t.Helper()
	if out := l.must("ps", "-a", "-q"); out != "" {
		l.t.Fatalf("left behind: %s", out)
	}
	if locks, err := filepath.Glob(filepath.Join(l.paths.Locks(), "container-*")); err != nil || len(locks) > 0 {
		l.t.Errorf("left behind: %v %v", locks, err)
	}
	for _, dir := range []string{l.paths.Containers(), l.paths.Netns(), l.paths.Endpoints(), l.paths.Networks(), l.paths.Volumes()} {
		entries, err := os.ReadDir(dir)
		if err != nil && !os.IsNotExist(err) {
			l.t.Fatal(err)
		}
		if len(entries) > 0 {
			l.t.Fatalf("left behind: %s: %v", dir, entries)
		}
	}
}
