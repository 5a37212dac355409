package shim

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	runc "github.com/containerd/go-runc"
	"golang.org/x/sys/unix"
)

var errRunc = errors.New("runc was run")

// noRunc is a monitor with which runc cannot be run.
type noRunc struct{ runc.ProcessMonitor }

func (noRunc) Start(*exec.Cmd) (chan runc.Exit, error)       { return nil, errRunc }
func (noRunc) StartLocked(*exec.Cmd) (chan runc.Exit, error) { return nil, errRunc }

// createdContainer makes what runc has below its root of one container, and
// returns this root. The shell command stands for the container's process.
func createdContainer(t *testing.T, script string) (root string, process *exec.Cmd) {
	t.Helper()
	root = t.TempDir()
	dir := filepath.Join(root, "web-1")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, beginFifo), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, beginState), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	process = exec.Command("/bin/sh", "-c", script)
	process.Dir = dir
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	})
	return root, process
}

func startCommandOf(root string) *exec.Cmd {
	return &exec.Cmd{Args: []string{"runc", "--root", root, "--log", "log.json", "start", "web-1"}}
}

func beginnerOf(process *exec.Cmd) beginner {
	return beginner{noRunc{}, func(string) int { return process.Process.Pid }}
}

func TestContainerBeginsWithoutRunc(t *testing.T) {
	for name, script := range map[string]string{
		"a process that goes on": "printf 0 >exec.fifo; exec sleep 1000",
		"one that is late":       "sleep 0.1; printf 0 >exec.fifo; exec sleep 1000",
		"one that ends at once":  "printf 0 >exec.fifo",
	} {
		t.Run(name, func(t *testing.T) {
			root, process := createdContainer(t, script)
			b, cmd := beginnerOf(process), startCommandOf(root)
			exit, err := b.StartLocked(cmd)
			if err != nil {
				t.Fatal(err)
			}
			if status, err := b.Wait(cmd, exit); status != 0 || err != nil {
				t.Errorf("status %d, %v", status, err)
			}
			if _, err := os.Stat(filepath.Join(root, "web-1", beginFifo)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("runc would take it for created still: %v", err)
			}
		})
	}
}

func TestRuncSaysWhyAContainerDoesNotBegin(t *testing.T) {
	root, process := createdContainer(t, "exit 3")
	if _, err := beginnerOf(process).StartLocked(startCommandOf(root)); !errors.Is(err, errRunc) {
		t.Error(err)
	}
}

func TestRuncIsRunForAllElse(t *testing.T) {
	waiting := "printf 0 >exec.fifo; exec sleep 1000"
	for name, change := range map[string]func(root string, b *beginner, cmd *exec.Cmd){
		"a deletion":                      func(_ string, _ *beginner, cmd *exec.Cmd) { cmd.Args[5] = "delete" },
		"no root":                         func(_ string, _ *beginner, cmd *exec.Cmd) { cmd.Args[1] = "-root" },
		"a container that is not ours":    func(_ string, b *beginner, _ *exec.Cmd) { b.pid = func(string) int { return 0 } },
		"another runtime":                 func(root string, _ *beginner, _ *exec.Cmd) { _ = os.Remove(filepath.Join(root, "web-1", beginState)) },
		"a container that has been begun": func(root string, _ *beginner, _ *exec.Cmd) { _ = os.Remove(filepath.Join(root, "web-1", beginFifo)) },
	} {
		t.Run(name, func(t *testing.T) {
			root, process := createdContainer(t, waiting)
			b, cmd := beginnerOf(process), startCommandOf(root)
			change(root, &b, cmd)
			if _, err := b.StartLocked(cmd); !errors.Is(err, errRunc) {
				t.Errorf("as a child that ends with the shim: %v", err)
			}
			if _, err := b.Start(cmd); !errors.Is(err, errRunc) {
				t.Error(err)
			}
		})
	}
}

func TestAFrozenProcessIsNotWaitedForForEver(t *testing.T) {
	root, process := createdContainer(t, "exec sleep 1000")
	g, err := openGate(filepath.Join(root, "web-1"), process.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	if passed, err := g.pass(10 * time.Millisecond); passed || err == nil {
		t.Errorf("%t, %v", passed, err)
	}
}
