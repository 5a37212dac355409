package containerd

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/moby/sys/signal"
)

// StopRequest says how a container is stopped.
type StopRequest struct {
	// Signal is the container's stop signal when empty.
	Signal string
	// Grace is how long the process has to end before it is killed; below zero,
	// for ever.
	Grace time.Duration
}

// StopTask ends a container's process: signal, grace, kill. It returns when the
// process has ended and its task is deleted. A container that does not run is
// no error.
//
// When ctx ends, the process may go on, or have the signal already; stopping
// again is right in both cases.
func (c *Client) StopTask(ctx context.Context, id string, req StopRequest) error {
	status, err := c.status(ctx, id)
	if err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	if status == task.Status_RUNNING || frozen(status) {
		number, err := c.stopSignal(ctx, id, req.Signal)
		if err != nil {
			return err
		}
		if err := c.end(ctx, id, ending{number, req.Grace, frozen(status)}); err != nil {
			return err
		}
	}
	ctx, cancel := outlast(ctx)
	defer cancel()
	return c.deleteTask(ctx, id)
}

// ending is how a process is to be ended.
type ending struct {
	signal syscall.Signal
	grace  time.Duration
	paused bool // at first
}

func frozen(s task.Status) bool { return s == task.Status_PAUSED || s == task.Status_PAUSING }

// end returns when the container's process is gone.
func (c *Client) end(ctx context.Context, id string, how ending) error {
	if how.grace != 0 {
		gone, err := c.ask(ctx, id, how)
		if gone || err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// runc thaws what it kills: nobody can hide in a pause.
	return c.killAndWait(ctx, id)
}

// ask sends the stop signal and waits for the process to end, at most for the
// time of grace. It tells whether the process is gone.
func (c *Client) ask(ctx context.Context, id string, how ending) (gone bool, err error) {
	if err := c.kill(ctx, id, how.signal); err != nil {
		if errdefs.IsNotFound(err) {
			return true, nil
		}
		return false, err
	}
	// After the signal, as Docker does: the process finds it waiting. One that
	// kills has thawed it already.
	if how.paused {
		err := c.ResumeTask(ctx, id)
		if err != nil && !errors.Is(err, ErrNotPaused) && !errors.Is(err, ErrNotRunning) {
			return false, err
		}
	}
	waiting, cancel := ctx, context.CancelFunc(func() {})
	if how.grace > 0 {
		waiting, cancel = context.WithTimeout(ctx, how.grace)
	}
	defer cancel()
	_, err = c.WaitTask(waiting, id)
	switch {
	case err == nil || errdefs.IsNotFound(err):
		return true, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	case waiting.Err() != nil:
		return false, nil
	}
	return false, err
}

func (c *Client) resume(ctx context.Context, id string) error {
	_, err := c.raw.TaskService().Resume(ctx, &tasks.ResumeTaskRequest{ContainerID: id})
	return errgrpc.ToNative(err)
}

// stopSignal returns the number of the signal, or that of the container's own
// when none is named.
func (c *Client) stopSignal(ctx context.Context, id, name string) (syscall.Signal, error) {
	if name == "" {
		name = defaultStopSignal
		stored, err := c.raw.ContainerService().Get(ctx, id)
		if err != nil {
			return 0, err
		}
		switch r, err := recordOf(stored); {
		case err == nil && r.StopSignal != "":
			name = r.StopSignal
		case err != nil && !errors.Is(err, errNoRecord):
			return 0, err
		}
	}
	number, err := signal.ParseSignal(name)
	if err != nil {
		return 0, fmt.Errorf("there is no signal %q", name)
	}
	return number, nil
}

// PauseTask freezes a container's processes. What does not run or is paused
// already is ErrNotRunning or ErrPaused.
func (c *Client) PauseTask(ctx context.Context, id string) error {
	_, err := c.raw.TaskService().Pause(ctx, &tasks.PauseTaskRequest{ContainerID: id})
	err = errgrpc.ToNative(err)
	if state := c.refusal(ctx, id, err); errors.Is(state, ErrPaused) || errors.Is(state, ErrNotRunning) {
		return state
	}
	return err
}

// ResumeTask lets a container's frozen processes go on. What does not run or is
// not paused is ErrNotRunning or ErrNotPaused.
func (c *Client) ResumeTask(ctx context.Context, id string) error {
	err := c.resume(ctx, id)
	if state := c.refusal(ctx, id, err); errors.Is(state, ErrNotPaused) || errors.Is(state, ErrNotRunning) {
		return state
	}
	return err
}

// refusal says how the container is of which the engine has refused something:
// ErrNotRunning, ErrPaused or ErrNotPaused; nil when it has not refused, or
// cannot be asked.
func (c *Client) refusal(ctx context.Context, id string, err error) error {
	if err == nil || ctx.Err() != nil {
		return nil
	}
	switch status, err := c.status(ctx, id); {
	case errdefs.IsNotFound(err):
		return ErrNotRunning
	case err != nil:
		return nil
	case frozen(status):
		return ErrPaused
	case status == task.Status_RUNNING:
		return ErrNotPaused
	}
	return ErrNotRunning
}
