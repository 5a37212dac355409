package containerd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"
	"github.com/moby/sys/signal"

	"github.com/gocompose/gocompose/project"
)

const (
	// defaultStopSignal is for services and images that name none.
	defaultStopSignal = "SIGTERM"
	// killTime is how long Docker waits for a process to be gone that was
	// killed.
	killTime = 10 * time.Second
)

// StartRequest says how a container is started.
type StartRequest struct {
	// LogURI is where the output goes, in the form the runtime understands.
	// Empty discards it.
	LogURI string
	// Runtime is the OCI runtime's path; empty: the client's.
	Runtime string
	// Spec is what the container was made from.
	Spec project.Container
	// Terminal: the process has a terminal. It must have been created with one.
	Terminal bool
	// Stdin: standard input has no end. It needs a LogURI.
	Stdin bool
	// Created is called before the created task is started, once for each task that
	// it takes. An error is that of the start. nil: nobody waits for that.
	Created func(context.Context) error
}

// StartTask runs a created or stopped container; one that runs is left alone.
// When it returns, the process has been started. When it fails or ctx ends,
// there is no process. A program that cannot be run is a *StartError.
//
// As with all methods for one container, the error says the cause alone: who
// calls knows the container by the name that people know.
func (c *Client) StartTask(ctx context.Context, id string, req StartRequest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.appArmor.prepare(req.Spec); err != nil {
		return err
	}
	step, cancel := outlast(ctx)
	defer cancel()
	err := again(step, 0, func() error { return c.tryStart(ctx, step, id, req) })
	if err != nil {
		return errors.Join(startError(err), c.discard(ctx, id))
	}
	return nil
}

// tryStart is an attempt to start, which fails with errHalfMade when what others
// left that were killed is in the way. Once it has begun, it goes on in step.
func (c *Client) tryStart(ctx, step context.Context, id string, req StartRequest) error {
	running, err := c.ensureTask(step, id, req)
	if err != nil || running {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if req.Created != nil {
		if err := req.Created(ctx); err != nil {
			return err
		}
	}
	_, err = c.raw.TaskService().Start(step, &tasks.StartRequest{ContainerID: id})
	if err = errgrpc.ToNative(err); errdefs.IsNotFound(err) { // taken apart with its predecessor
		return fmt.Errorf("%w: %w", errHalfMade, err)
	}
	return err
}

// ensureTask makes a task that waits for its start, or tells that there is one
// that has been started. Others are what a stop or a start left that was
// interrupted, and made anew.
func (c *Client) ensureTask(ctx context.Context, id string, req StartRequest) (running bool, err error) {
	err = c.createTask(ctx, id, req)
	if !errdefs.IsAlreadyExists(err) {
		return false, err
	}
	switch status, serr := c.status(ctx, id); {
	case errdefs.IsNotFound(serr): // its shim is there, and has no container yet, or no more
		return false, errors.Join(fmt.Errorf("%w: %w", errHalfMade, err), c.delete(ctx, id))
	case serr != nil:
		return false, errors.Join(err, serr)
	case status == task.Status_RUNNING || frozen(status):
		return true, nil
	}
	if err := c.deleteTask(ctx, id); err != nil {
		return false, err
	}
	return false, c.createTask(ctx, id, req)
}

// discard deletes a task that could not be started, with its process.
func (c *Client) discard(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), outlastTime)
	defer cancel()
	// A process that waits for its start holds the output open: deleting the
	// task would wait for that, ten seconds.
	if status, err := c.status(ctx, id); err == nil && status == task.Status_CREATED {
		if err := c.killAndWait(ctx, id); err != nil {
			return err
		}
	}
	return c.deleteTask(ctx, id)
}

func (c *Client) createTask(ctx context.Context, id string, req StartRequest) error {
	mounts, err := c.Snapshots().Mounts(ctx, id)
	if err != nil {
		return fmt.Errorf("finding its file system: %w", err)
	}
	if err := c.renew(ctx, id); err != nil {
		return err
	}
	runtime, err := typeurl.MarshalAnyToProto(&options.Options{BinaryName: cmp.Or(req.Runtime, c.cfg.Runc), Root: c.cfg.RuncRoot})
	if err != nil {
		return fmt.Errorf("writing the runtime's options: %w", err)
	}
	task := &tasks.CreateTaskRequest{
		ContainerID: id,
		Rootfs:      mount.ToProto(mounts),
		Terminal:    req.Terminal,
		Stdout:      req.LogURI,
		Stderr:      req.LogURI,
		Options:     runtime,
	}
	if req.Stdin {
		task.Stdin = req.LogURI
	}
	create := func() error {
		_, err := c.raw.TaskService().Create(ctx, task)
		return errgrpc.ToNative(err)
	}
	err = patience(ctx, create)
	if err == nil || !strings.Contains(err.Error(), knownToRunc) {
		return err
	}
	if derr := c.deleteInRunc(ctx, id, req.Runtime); derr != nil {
		return errors.Join(err, derr)
	}
	return create()
}

// status returns the state of the task's process, or NotFound.
func (c *Client) status(ctx context.Context, id string) (task.Status, error) {
	r, err := c.raw.TaskService().Get(ctx, &tasks.GetRequest{ContainerID: id})
	if err != nil {
		return task.Status_UNKNOWN, errgrpc.ToNative(err)
	}
	return r.Process.Status, nil
}

// DeleteTask takes away the task of a container that does not run: its shim,
// mount and cgroup; also one that a killed process has deleted by half, of which
// nothing is listed any more. No task is no error.
func (c *Client) DeleteTask(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := outlast(ctx)
	defer cancel()
	return c.deleteTask(ctx, id)
}

func (c *Client) deleteTask(ctx context.Context, id string) error {
	err := c.delete(ctx, id)
	if err == nil {
		return nil
	}
	switch status, serr := c.status(ctx, id); {
	case errdefs.IsNotFound(serr):
		return nil
	case serr != nil:
		return errors.Join(err, serr)
	case status == task.Status_RUNNING || frozen(status):
		return errors.New("it runs: stop it first")
	case status == task.Status_CREATED:
		// runc waits there for the start, and has run nothing of the container.
		if err := c.killAndWait(ctx, id); err != nil {
			return err
		}
	}
	// It may have ended between the two calls.
	return c.delete(ctx, id)
}

func (c *Client) delete(ctx context.Context, id string) error {
	_, err := c.raw.TaskService().Delete(ctx, &tasks.DeleteTaskRequest{ContainerID: id})
	if err = errgrpc.ToNative(err); errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// KillTask sends a signal ("SIGHUP", "HUP", "1") to a container's process and
// waits for nothing. It fails when the container does not run.
func (c *Client) KillTask(ctx context.Context, id, name string) error {
	number, err := signal.ParseSignal(name)
	if err != nil {
		return fmt.Errorf("there is no signal %q", name)
	}
	err = c.kill(ctx, id, number)
	if errdefs.IsNotFound(err) {
		return fmt.Errorf("it does not run: %w", errdefs.ErrNotFound)
	}
	return err
}

func (c *Client) kill(ctx context.Context, id string, s syscall.Signal) error {
	_, err := c.raw.TaskService().Kill(ctx, &tasks.KillRequest{ContainerID: id, Signal: uint32(s)})
	return errgrpc.ToNative(err)
}

// killAndWait kills the process and returns when it is gone.
func (c *Client) killAndWait(ctx context.Context, id string) error {
	if err := c.kill(ctx, id, syscall.SIGKILL); err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, killTime, errUnkillable)
	defer cancel()
	_, err := c.WaitTask(ctx, id)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	return nil
}

var errUnkillable = errors.New("its process was killed and is still there: it hangs in the kernel, perhaps in a mount that does not answer")

// WaitTask returns how the container's process ended, once it has. NotFound:
// there is no task.
func (c *Client) WaitTask(ctx context.Context, id string) (Exit, error) {
	r, err := c.raw.TaskService().Wait(ctx, &tasks.WaitRequest{ContainerID: id})
	if err != nil {
		return Exit{}, overdue(ctx, errgrpc.ToNative(err))
	}
	return Exit{ID: id, Code: r.ExitStatus, At: r.ExitedAt.AsTime()}, nil
}

// overdue returns err once ctx itself knows that its deadline is over, if that is
// what err says. The engine is told the deadline, and may say so first: timers of
// a process that sleeps are late, by 10 ms for one of 10 s.
func overdue(ctx context.Context, err error) error {
	if _, limited := ctx.Deadline(); limited && errdefs.IsDeadlineExceeded(err) {
		<-ctx.Done()
	}
	return err
}
