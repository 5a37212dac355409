package host

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/engine"
	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor"
	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/supervisor/keep"
)

// runtime is the host as the supervisor needs it. The engine may die and come
// back under it: each call looks for it anew.
type runtime struct {
	cfg Config

	mu    sync.Mutex
	host  *Host       // nil while the engine is not known to run
	alone *flock.Lock // held from the decision to leave until the process ends
}

// current returns the host, connected to the engine that runs now.
func (r *runtime) current(ctx context.Context) (*Host, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.host != nil {
		return r.host, nil
	}
	eng, err := engine.Ensure(ctx, engineConfig(r.cfg))
	if err != nil {
		return nil, err
	}
	h, err := connect(ctx, r.cfg, eng)
	if err != nil {
		return nil, err
	}
	r.host = h
	return h, nil
}

// Restore brings the engine back if need be, and what the kernel has lost of
// our networks.
func (r *runtime) Restore(ctx context.Context) error {
	h, err := r.current(ctx)
	if err != nil {
		return err
	}
	if _, err := engine.Ensure(ctx, engineConfig(r.cfg)); err != nil {
		return err
	}
	return h.networks.Restore(ctx)
}

// Events returns what happens to containers from now on. The channel is closed
// when the engine goes away.
func (r *runtime) Events(ctx context.Context) (<-chan supervisor.Event, error) {
	h, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	events, err := h.containerd.Events(ctx)
	if err != nil {
		return nil, err
	}
	out := make(chan supervisor.Event)
	go func() { // ends with events, or ctx
		defer close(out)
		for e := range events {
			select {
			case out <- supervisor.Event{ID: e.ID, Kind: supervisor.EventKind(e.Kind), At: e.At}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

// Containers returns all containers.
func (r *runtime) Containers(ctx context.Context) ([]supervisor.Container, error) {
	h, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	found, err := h.containerd.Containers(ctx, containerd.Filter{})
	if err != nil {
		return nil, err
	}
	all := make([]supervisor.Container, len(found))
	for i, c := range found {
		all[i] = supervisor.Container{ID: c.ID, Running: c.Running()}
	}
	return all, nil
}

// Container returns one.
func (r *runtime) Container(ctx context.Context, id string) (supervisor.Container, error) {
	h, err := r.current(ctx)
	if err != nil {
		return supervisor.Container{}, err
	}
	c, err := h.containerd.Container(ctx, id)
	if errdefs.IsNotFound(err) {
		return supervisor.Container{}, supervisor.ErrNoContainer
	}
	return supervisor.Container{ID: c.ID, Running: c.Running()}, err
}

// GiveUp has the container not kept running any more.
func (r *runtime) GiveUp(_ context.Context, id string, _ time.Time) error {
	return keep.In(r.cfg.Paths.Kept()).Remove(id)
}

// Restart starts a container again.
func (r *runtime) Restart(ctx context.Context, id string, _ keep.Record) error {
	h, err := r.current(ctx)
	if err != nil {
		return err
	}
	return h.StartContainer(ctx, id)
}

// Stop ends a container's process.
func (r *runtime) Stop(ctx context.Context, id string) error {
	h, err := r.current(ctx)
	if err != nil {
		return err
	}
	return h.containerd.StopTask(ctx, id, containerd.StopRequest{})
}

// Probe runs a health check.
func (r *runtime) Probe(context.Context, string, project.Healthcheck) (health.Result, error) {
	return health.Result{}, errors.ErrUnsupported
}

// Release cleans up after a container that has exited. One that runs, because
// it was started again meanwhile, is left alone.
func (r *runtime) Release(ctx context.Context, id string) (err error) {
	h, err := r.current(ctx)
	if err != nil {
		return err
	}
	lock, err := h.lockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	c, err := h.containerd.Container(ctx, id)
	switch {
	case errdefs.IsNotFound(err): // with its lock, which is only there because of us
		return errors.Join(h.networks.Detach(ctx, id), removeIfThere(h.containerLock(id)))
	case err != nil || c.Running():
		return err
	case c.HasTask:
		err = h.containerd.DeleteTask(ctx, id)
	}
	return errors.Join(err, h.networks.Detach(ctx, id))
}

// Idle tells whether no container runs.
func (r *runtime) Idle(ctx context.Context) (bool, error) {
	all, err := r.Containers(ctx)
	running := slices.ContainsFunc(all, func(c supervisor.Container) bool { return c.Running })
	return !running, err
}

// Shutdown ends the private engine, unless a command uses it. From then on no
// command begins until this process has gone.
func (r *runtime) Shutdown(ctx context.Context) error {
	alone, err := flock.Try(usersLock(r.cfg.Paths))
	if errors.Is(err, flock.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alone = alone
	return endEngine(ctx, r.cfg)
}

// endEngine ends the engine when it is our own. Of another one goes what only
// our containers have made.
func endEngine(ctx context.Context, cfg Config) error {
	if c := engineConfig(cfg); c.Address == "" {
		return engine.Stop(ctx, c)
	}
	return cgroup.Remove(cfg.Paths.CgroupParent())
}
