package host

import (
	"context"
	"errors"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/project"
)

// ExecRequest is a program to be run in a container.
type ExecRequest struct {
	// Program says what to run and how that differs from the container's own process.
	Program project.Hook
	// Terminal: it has a terminal, of that size if there is one.
	Terminal bool
	Size     Size
	// Input: it has standard input, which ends with Streams.In.
	Input bool
}

// StartExecError is why a program could not be run, with the exit code that a shell
// has for that.
type StartExecError = containerd.StartError

// ErrPaused: nothing can be run in a paused container.
var ErrPaused = containerd.ErrPaused

// Exec starts a program in a container that runs. Who closes the Process that it
// returns before it has ended hangs up: it gets SIGHUP, also when this process is
// killed.
func (h *Host) Exec(ctx context.Context, id string, r ExecRequest) (Process, error) {
	e, err := h.containerd.Exec(ctx, id, containerd.ExecRequest{
		Dir: h.execDir(id), Program: r.Program, Terminal: r.Terminal, Size: r.Size, Input: r.Input,
	})
	if err != nil {
		return nil, notRunning(err)
	}
	return execution{e}, nil
}

// ExecDetached starts a program in a container that runs, and leaves it alone.
// Without a terminal its output goes nowhere.
func (h *Host) ExecDetached(ctx context.Context, id string, r ExecRequest) error {
	return notRunning(h.containerd.ExecDetached(ctx, id, containerd.ExecRequest{Dir: h.execDir(id), Program: r.Program}))
}

func notRunning(err error) error {
	if errors.Is(err, containerd.ErrNotRunning) {
		return executor.ErrNotRunning
	}
	return err
}

// execution is a program that runs in a container.
type execution struct{ *containerd.Execution }

// Copy implements Process.
func (e execution) Copy(ctx context.Context, s Streams) (int, error) {
	return e.Execution.Copy(ctx, s.In, s.Out, s.Err)
}
