package host

import (
	"context"
	"errors"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/engine"
	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/supervisor"
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

// Exits returns the exits of containers from now on. The channel is closed when
// the engine goes away.
func (r *runtime) Exits(ctx context.Context) (<-chan supervisor.Exit, error) {
	h, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	exits, err := h.containerd.Exits(ctx)
	if err != nil {
		return nil, err
	}
	out := make(chan supervisor.Exit)
	go func() {
		defer close(out)
		for e := range exits {
			select {
			case out <- supervisor.Exit{ID: e.ID, Code: e.Code, At: e.At}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

// Running returns the containers that have a process.
func (r *runtime) Running(ctx context.Context) ([]string, error) {
	h, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	found, err := h.containerd.Containers(ctx, containerd.Filter{})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, c := range found {
		if c.Running() {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
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
	ids, err := r.Running(ctx)
	return len(ids) == 0, err
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
