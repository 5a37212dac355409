package containerd

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// program is one that is run in a container beside its own process.
type program struct {
	client *Client
	id     string // the container's
	execID string
}

// process returns the container's own process as it was specified, without a
// terminal.
func (c *Client) process(ctx context.Context, id string) (specs.Process, error) {
	stored, err := c.raw.ContainerService().Get(ctx, id)
	if err != nil {
		return specs.Process{}, err
	}
	var spec specs.Spec
	if err := typeurl.UnmarshalTo(stored.Spec, &spec); err != nil {
		return specs.Process{}, fmt.Errorf("reading its specification: %w", err)
	}
	if spec.Process == nil {
		return specs.Process{}, errors.New("reading its specification: there is no process in it")
	}
	process := *spec.Process
	process.Terminal, process.ConsoleSize = false, nil
	return process, nil
}

// running returns an error unless the container runs.
func (p program) running(ctx context.Context) error {
	switch status, err := p.client.status(ctx, p.id); {
	case errdefs.IsNotFound(err):
		return ErrNotRunning
	case err != nil:
		return err
	case frozen(status):
		return ErrPaused
	case status != task.Status_RUNNING:
		return ErrNotRunning
	}
	return nil
}

func (p program) ended(ctx context.Context) (code uint32, err error) {
	r, err := p.client.raw.TaskService().Wait(ctx, &tasks.WaitRequest{ContainerID: p.id, ExecID: p.execID})
	if err != nil {
		return 0, overdue(ctx, errgrpc.ToNative(err))
	}
	return r.ExitStatus, nil
}

// kill kills the program, with the processes that it has started and that have
// not left its session: runc begins one for it.
func (p program) kill(ctx context.Context, pid int) error {
	if pid > 1 {
		_ = syscall.Kill(-pid, syscall.SIGKILL) // the engine is asked too
	}
	_, err := p.client.raw.TaskService().Kill(ctx, &tasks.KillRequest{
		ContainerID: p.id, ExecID: p.execID, Signal: uint32(syscall.SIGKILL),
	})
	if err = errgrpc.ToNative(err); errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// clean takes away a test that may run. None is no error.
func (p program) clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	r, err := p.client.raw.TaskService().Get(ctx, &tasks.GetRequest{ContainerID: p.id, ExecID: p.execID})
	if err = errgrpc.ToNative(err); errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if status := r.Process.Status; status == task.Status_RUNNING || frozen(status) {
		if err := p.kill(ctx, int(r.Process.Pid)); err != nil {
			return err
		}
		if _, err := p.ended(ctx); err != nil && !errdefs.IsNotFound(err) {
			return err
		}
	}
	return p.delete(ctx)
}

// delete takes away a test that has ended. None is no error.
//
// The shim waits up to ten seconds for whoever still has the output open, unless
// it is told to hurry. Then it may have done all and not said so: it is asked
// again.
func (p program) delete(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	hurry, stop := context.WithTimeout(ctx, drainTime)
	defer stop()
	err := p.deleteOnce(hurry)
	if hurry.Err() != nil {
		err = p.deleteOnce(ctx)
	}
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

func (p program) deleteOnce(ctx context.Context) error {
	_, err := p.client.raw.TaskService().DeleteProcess(ctx, &tasks.DeleteProcessRequest{ContainerID: p.id, ExecID: p.execID})
	return errgrpc.ToNative(err)
}
