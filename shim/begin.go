package shim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	runc "github.com/containerd/go-runc"
	"golang.org/x/sys/unix"
)

// A created container is a process of runc that waits until somebody opens the
// other end of a FIFO, writes a byte to it, and becomes the container's program.
// All that `runc start` does is to read that byte and to remove the FIFO, whose
// absence is how runc knows that a container was started. It is a whole program
// for that, a tenth of the start of a container; here it is done in the shim.

const (
	// beginFifo and beginState are files in a container's folder below runc's
	// root. Another runtime has a FIFO of this name too, but no such state.
	beginFifo  = "exec.fifo"
	beginState = "state.json"
	// beginLimit is how long the process of runc may take to come to the FIFO.
	// It is nearly there when the container is created, unless it was frozen.
	beginLimit = 30 * time.Second
)

// beginner is what runs runc for the inner service, but does without runc what
// starts a container of ours.
type beginner struct {
	runc.ProcessMonitor
	pid func(id string) int // of a container's first process; 0: not ours
}

// Start is for a runc that need not end with the shim.
func (b beginner) Start(cmd *exec.Cmd) (chan runc.Exit, error) {
	return b.run(cmd, b.ProcessMonitor.Start)
}

// StartLocked is for one that has to.
func (b beginner) StartLocked(cmd *exec.Cmd) (chan runc.Exit, error) {
	return b.run(cmd, b.ProcessMonitor.StartLocked)
}

func (b beginner) run(cmd *exec.Cmd, start func(*exec.Cmd) (chan runc.Exit, error)) (chan runc.Exit, error) {
	dir, pid := b.created(cmd.Args)
	if pid == 0 {
		return start(cmd)
	}
	gate, err := openGate(dir, pid)
	if err != nil {
		return start(cmd) // which may know better, and says what is wrong
	}
	defer gate.close()
	passed, err := gate.pass(beginLimit)
	if err == nil && !passed {
		return start(cmd)
	}
	exit := make(chan runc.Exit, 1)
	exit <- runc.Exit{Timestamp: time.Now()}
	return exit, err
}

// Wait returns the status of what was started, a process or not.
func (b beginner) Wait(cmd *exec.Cmd, exit chan runc.Exit) (int, error) {
	if cmd.Process == nil {
		return (<-exit).Status, nil
	}
	return b.ProcessMonitor.Wait(cmd, exit)
}

// created returns the folder of a container of ours and its first process, when
// runc's arguments say that it shall be started. Else the process is 0.
func (b beginner) created(args []string) (dir string, pid int) {
	root := slices.Index(args, "--root") + 1
	last := len(args) - 1
	if last < 2 || args[last-1] != "start" || root == 0 || root >= last-1 {
		return "", 0
	}
	return filepath.Join(args[root], args[last]), b.pid(args[last])
}

// gate is what a created container waits at.
type gate struct {
	path          string
	fifo, process int // file descriptors
}

func openGate(dir string, pid int) (*gate, error) {
	if _, err := os.Stat(filepath.Join(dir, beginState)); err != nil {
		return nil, err
	}
	g := &gate{path: filepath.Join(dir, beginFifo)}
	var err error
	if g.process, err = unix.PidfdOpen(pid, 0); err != nil {
		return nil, fmt.Errorf("opening process %d: %w", pid, err)
	}
	g.fifo, err = unix.Open(g.path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		_ = unix.Close(g.process)
		return nil, &fs.PathError{Op: "open", Path: g.path, Err: err}
	}
	return g, nil
}

func (g *gate) close() {
	_ = unix.Close(g.fifo)
	_ = unix.Close(g.process)
}

// pass lets the process through. It reports false when the process has ended
// instead of coming.
func (g *gate) pass(limit time.Duration) (bool, error) {
	until := time.Now().Add(limit)
	// Without a writer yet there is nothing to read and no end either.
	ends := []unix.PollFd{{Fd: int32(g.fifo), Events: unix.POLLIN}, {Fd: int32(g.process), Events: unix.POLLIN}}
	for n := 0; n == 0; {
		left := time.Until(until)
		if left <= 0 {
			return false, fmt.Errorf("the created process does not come to %s", g.path)
		}
		var err error
		switch n, err = unix.Poll(ends, int(left.Milliseconds())+1); {
		case errors.Is(err, unix.EINTR):
			n = 0
		case err != nil:
			return false, fmt.Errorf("waiting at %s: %w", g.path, err)
		}
	}
	if n, _ := unix.Read(g.fifo, make([]byte, 1)); n != 1 {
		return false, nil // runc says what is wrong
	}
	if err := os.Remove(g.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("noting the start: %w", err)
	}
	return true, nil
}
