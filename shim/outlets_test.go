package shim

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	runc "github.com/containerd/go-runc"
	"golang.org/x/sys/unix"
)

// reapedRuns take exits from the kernel behind Go's back, as a reaper does.
type reapedRuns struct{ runc.ProcessMonitor }

func (reapedRuns) Start(c *exec.Cmd) (chan runc.Exit, error) { return nil, c.Start() }

func (reapedRuns) Wait(c *exec.Cmd, _ chan runc.Exit) (int, error) {
	if _, err := unix.Wait4(c.Process.Pid, nil, 0, nil); err != nil {
		return -1, err
	}
	_ = c.Wait() // there is no such process
	return 0, nil
}

// Health checks run for as long as a container does.
func TestNothingIsKeptOfWhatWasRun(t *testing.T) {
	o := newOutlets(reapedRuns{})
	c := exec.Command("/bin/true")
	exits, err := o.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Wait(c, exits); err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Signal(unix.Signal(0)); errors.Is(err, os.ErrProcessDone) || err == nil {
		t.Errorf("Go keeps what refers to the process: %v", err)
	}
}
