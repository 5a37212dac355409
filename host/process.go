package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/sys/signal"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/events"
	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
)

// StartContainer runs the container: first its network, names and ports, then
// its process, so that all are there from its first instruction on. From now on
// the supervisor keeps it running, if it is to be kept.
func (h *Host) StartContainer(ctx context.Context, id string) error {
	lock, err := h.lockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	c, err := h.containerd.Container(ctx, id)
	if err != nil {
		return err
	}
	if !c.Running() {
		if err := h.verifyContainer(ctx, c); err != nil {
			return err
		}
	}
	if err := errors.Join(h.noteDue(c), h.wantRunning(c)); err != nil || c.Running() {
		return err
	}
	if err := h.run(ctx, c); err != nil {
		return errors.Join(err, h.kept().Remove(id))
	}
	if h.stopped.take(id) {
		h.noteEvent(id, events.Restart)
	}
	return nil
}

// run starts the process of a container that has none. The caller has the
// container's lock.
func (h *Host) run(ctx context.Context, c containerd.Container) error {
	if err := h.awaitCopies(ctx, c.ID); err != nil {
		return err
	}
	if err := h.start(ctx, c); err != nil {
		// Whatever ended this, what was made for the process must not stay.
		return errors.Join(err, h.detach(context.WithoutCancel(ctx), c.ID))
	}
	return nil
}

func (h *Host) start(ctx context.Context, c containerd.Container) error {
	if err := canRun(c.Record.Spec.Platform, binfmtRoot); err != nil {
		return err
	}
	mounts := slices.Concat(c.Record.Spec.Mounts, c.Record.Taken)
	if err := sources(mounts); err != nil {
		return err
	}
	if err := h.useVolumes(ctx, c.ID, mounts); err != nil {
		return err
	}
	if err := h.placeSecrets(ctx, c.ID, c.Record.Spec.Files); err != nil {
		return err
	}
	e, err := h.attach(ctx, c)
	if err != nil {
		return err
	}
	if err := h.joinNamespaces(ctx, c); err != nil {
		return err
	}
	if err := h.writeFiles(ctx, c, e); err != nil {
		return err
	}
	if err := h.noteCgroups(ctx, c.Record.Spec.CgroupParent); err != nil {
		return err
	}
	if err := ensureSubject(h.cfg.Paths.Container(c.ID), c.ID, c.Record.Spec); err != nil {
		return err
	}
	log, err := h.shimOptions(c)
	if err != nil {
		return err
	}
	if err := h.stage(ctx, c); err != nil {
		return errors.Join(err, h.unstage(c.ID))
	}
	err = h.containerd.StartTask(ctx, c.ID, containerd.StartRequest{
		LogURI:   log.URI(),
		Terminal: c.Record.Spec.TTY,
		Stdin:    c.Record.Spec.StdinOpen,
		Runtime:  c.Record.Runtime,
		Spec:     c.Record.Spec,
		Created:  h.created[c.ID],
	})
	return errors.Join(err, h.unstage(c.ID))
}

func (h *Host) detach(ctx context.Context, id string) error {
	return errors.Join(h.supervisor.Release(ctx, id), h.leave(ctx, id))
}

// leave takes the container, which does not run, off its networks and its volumes,
// and out of what it shares.
func (h *Host) leave(ctx context.Context, id string) error {
	return errors.Join(h.networks.Detach(ctx, id), h.volumes.Release(id), h.shared().Release(id))
}

// StopContainer ends the container's process, by its stop signal, after grace by
// force; and it is not started again unless the user wants it. The last replica
// that answers on a host port goes on until one that has just been started does.
func (h *Host) StopContainer(ctx context.Context, id string, grace time.Duration) error {
	if err := h.handOver(ctx, id); err != nil {
		return err
	}
	lock, err := h.lockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	c, err := h.containerd.Container(ctx, id)
	if errdefs.IsNotFound(err) {
		return h.detach(context.WithoutCancel(ctx), id)
	}
	if err != nil {
		return err
	}
	if err := h.wantStopped(c); err != nil {
		return err
	}
	// Its replicas go on with what is new, before it hears that it is over.
	if err := h.networks.Withdraw(ctx, id); err != nil {
		return err
	}
	err = h.stop(ctx, id, containerd.StopRequest{Grace: grace})
	if err != nil { // it may run on, and then it is to be reached again
		return errors.Join(err, h.networks.Rest(context.WithoutCancel(ctx), id, false))
	}
	if c.Running() {
		h.noteEvent(id, events.Stop)
		h.stopped.add(id)
	}
	return nil
}

func (h *Host) stop(ctx context.Context, id string, how containerd.StopRequest) error {
	if err := h.containerd.StopTask(ctx, id, how); err != nil {
		return err
	}
	return h.detach(context.WithoutCancel(ctx), id)
}

// KillContainer sends the container's process a signal. SIGKILL, which is waited
// for, and the container's stop signal are a stop by the user. One that is about
// to be started again has no process, but can be stopped so.
func (h *Host) KillContainer(ctx context.Context, id, name string) error {
	number, err := signal.ParseSignal(name)
	if err != nil {
		return fmt.Errorf("there is no signal %q", name)
	}
	lock, err := h.lockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	c, err := h.containerd.Container(ctx, id)
	if err != nil {
		return err
	}
	restarting := !c.Running() && h.isKept(id)
	if !c.Running() && !restarting {
		return executor.ErrNotRunning
	}
	stop, err := signal.ParseSignal(c.Record.StopSignal)
	ends := number == syscall.SIGKILL || err == nil && number == stop
	switch {
	case ends:
		err = h.wantStopped(c)
	case restarting:
		err = executor.ErrNotRunning
	default:
		err = nil
	}
	if err != nil {
		return err
	}
	if number == syscall.SIGKILL || restarting {
		return h.stop(ctx, id, containerd.StopRequest{})
	}
	return h.signal(ctx, c, name, ends)
}

// signal sends a signal. A paused process finds its stop signal when it goes on,
// which it does then.
func (h *Host) signal(ctx context.Context, c containerd.Container, name string, ends bool) error {
	err := h.containerd.KillTask(ctx, c.ID, name)
	if errdefs.IsNotFound(err) {
		return executor.ErrNotRunning
	}
	if err != nil || !ends || c.State != planner.StatePaused {
		return err
	}
	err = h.UnpauseContainer(ctx, c.ID)
	if errors.Is(err, executor.ErrNotRunning) {
		return nil
	}
	return err
}

// PauseContainer freezes the container, or finds it frozen.
func (h *Host) PauseContainer(ctx context.Context, id string) error {
	return ensured(h.containerd.PauseTask(ctx, id), containerd.ErrPaused)
}

// UnpauseContainer lets a frozen container go on, or finds it going.
func (h *Host) UnpauseContainer(ctx context.Context, id string) error {
	return ensured(h.containerd.ResumeTask(ctx, id), containerd.ErrNotPaused)
}

// ensured is the error of a call that has nothing to do when the error is done.
func ensured(err, done error) error {
	switch {
	case errors.Is(err, done):
		return nil
	case errors.Is(err, containerd.ErrNotRunning):
		return executor.ErrNotRunning
	}
	return err
}
