package host

import (
	"context"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// Wait returns when the container's process has ended and its last output is in
// its log, or when there is no process.
func (h *Host) Wait(ctx context.Context, id string) error {
	_, err := h.containerd.WaitTask(ctx, id)
	return err
}

// AwaitContainer returns when the container is what until says.
func (h *Host) AwaitContainer(ctx context.Context, id string, until project.Condition) error {
	c, err := h.containerd.Container(ctx, id)
	if err != nil {
		return err
	}
	exit, err := h.containerd.WaitTask(ctx, id)
	if err != nil || until == project.Completed && exit.Code == 0 {
		return err
	}
	spec := c.Record.Spec
	return &planner.AwaitError{Container: spec.Name, Service: spec.Service, Until: until, Exited: true, ExitCode: int(exit.Code)}
}

// KillContainer sends a signal to the container's process.
func (h *Host) KillContainer(ctx context.Context, id, signal string) error {
	err := h.containerd.KillTask(ctx, id, signal)
	if errdefs.IsNotFound(err) {
		return executor.ErrNotRunning
	}
	return err
}

// PauseContainer freezes the container.
func (h *Host) PauseContainer(ctx context.Context, id string) error {
	return h.containerd.PauseTask(ctx, id)
}

// UnpauseContainer lets a frozen container go on.
func (h *Host) UnpauseContainer(ctx context.Context, id string) error {
	return h.containerd.ResumeTask(ctx, id)
}
