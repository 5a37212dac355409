package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// dueFile is in the folder of a container that the user has started and whose
// post_start has not been run to its end since: an empty file.
const dueFile = "post-start-due"

// hookOutput is the FIFO through which a hook's output comes while it runs.
func hookOutput(p paths.Paths, id string) string { return filepath.Join(p.Hooks(), id) }

func (h *Host) duePath(id string) string { return filepath.Join(h.cfg.Paths.Container(id), dueFile) }

// noteDue notes that post_start is to be run, before the container is started. At
// boot it is not: nobody has asked for the start.
func (h *Host) noteDue(c containerd.Container) error {
	if c.Running() || h.booting || len(c.Record.Spec.Hooks.AfterStart) == 0 {
		return nil
	}
	return os.WriteFile(h.duePath(c.ID), nil, 0o600)
}

// Booting is the host as it is while the machine comes up: what is started is
// started by its policy, and not by the user.
func (h *Host) Booting() *Host {
	up := *h
	up.booting = true
	return &up
}

// RunHooks runs the container's commands for a moment, one after the other.
func (h *Host) RunHooks(ctx context.Context, id string, at project.Moment, print func(line string)) error {
	c, err := h.containerd.Container(ctx, id)
	if errdefs.IsNotFound(err) && at == project.BeforeStop {
		return nil
	}
	if err != nil {
		return err
	}
	if at == project.BeforeStop && c.State == planner.StatePaused {
		// Nothing runs in a paused container; and it goes on to be stopped anyway.
		if err := h.UnpauseContainer(ctx, id); err != nil && !errors.Is(err, executor.ErrNotRunning) {
			return err
		}
	}
	for _, hook := range c.Record.Spec.Hooks.At(at) {
		err := h.runHook(ctx, c, at, hook, print)
		switch {
		case errors.Is(err, containerd.ErrNotRunning) && at == project.BeforeStop:
			return nil // it has ended by itself
		case errors.Is(err, containerd.ErrNotRunning):
			return executor.ErrNotRunning
		case err != nil:
			return err
		}
	}
	if at == project.AfterStart {
		return removeIfThere(h.duePath(id))
	}
	return nil
}

func (h *Host) runHook(ctx context.Context, c containerd.Container, at project.Moment, hook project.Hook, print func(string)) error {
	var mu sync.Mutex
	var last []string
	result, err := h.containerd.RunHook(ctx, c.ID, hookOutput(h.cfg.Paths, c.ID), hook, func(line string) {
		mu.Lock()
		if last = append(last, line); len(last) > lastLines {
			last = last[1:]
		}
		mu.Unlock()
		print(line)
	})
	if err != nil || result.ExitCode == 0 {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	if result.Output != "" {
		last = append(last, result.Output)
	}
	return &planner.HookError{
		At: at, Service: c.Record.Spec.Service, Container: c.Record.Spec.Name, ExitCode: result.ExitCode, Output: last,
	}
}
