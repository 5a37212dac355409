package host

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/buildkit/daemon"
	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/engine"
	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/secrets"
	"github.com/gocompose/gocompose/supervisor"
)

// runtime is the host as the supervisor needs it. The engine may die and come
// back under it: each call looks for it anew.
type runtime struct {
	cfg Config

	mu      sync.Mutex
	host    *Host                         // nil while the engine is not known to run
	alone   *flock.Lock                   // held from the decision to leave until the process ends
	probers map[string]*containerd.Prober // by container
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
	h.supervisor = ownSupervisor(r.cfg)
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
	eng, err := engine.Ensure(ctx, engineConfig(r.cfg))
	if err != nil {
		return err
	}
	return errors.Join(endLostSteps(r.cfg, eng), h.networks.Restore(ctx))
}

// Guard keeps the networks as they should be. It needs no engine.
func (r *runtime) Guard(ctx context.Context, report func(error)) {
	nets, err := networks.Open(r.cfg.Paths)
	if err != nil {
		report(err)
		return
	}
	nets.Guard(ctx, report)
	_ = nets.Close() // only its connection to the kernel
}

// Rest has a container take no part in the ports that it shares, or take part.
// While the user stops it, that is waited for: then it has no ports any more.
func (r *runtime) Rest(ctx context.Context, id string, resting bool) error {
	if _, err := endpoint.Read(r.cfg.Paths.Endpoints(), id); errors.Is(err, endpoint.ErrNotFound) {
		return nil // nor a lock
	}
	return r.locked(ctx, id, func(h *Host) error { return h.networks.Rest(ctx, id, resting) })
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
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	all := make([]supervisor.Container, len(found))
	for i, c := range found {
		all[i] = h.supervised(ctx, c)
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
	if err != nil {
		return supervisor.Container{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	return h.supervised(ctx, c), nil
}

// supervised is what the supervisor wants to know of a container.
func (h *Host) supervised(ctx context.Context, c containerd.Container) supervisor.Container {
	l := h.settled(ctx, c)
	spec := c.Record.Spec
	out := supervisor.Container{
		ID: c.ID, Name: spec.Name, Project: spec.Project, Service: spec.Service, Replica: spec.Replica,
		Running: c.Running(), Paused: c.State == planner.StatePaused, StartedAt: l.StartedAt,
		Restart: spec.Restart, Health: c.Record.Health,
	}
	if spec.Role != "" {
		out.Service = "" // it is no replica, whose end would mean something
	}
	if !out.Running {
		out.ExitedAt, out.ExitCode = l.ExitedAt, l.ExitCode
	}
	return out
}

// Idle tells whether no container runs, and none is to be started again, and no builder waits
// for the next build.
func (r *runtime) Idle(ctx context.Context) (bool, error) {
	if idle, err := daemon.IdleTime(os.Getenv); err == nil { // else it does not wait
		if resting, err := builder(r.cfg).Resting(idle); resting || err != nil {
			return false, err
		}
	}
	h, err := r.current(ctx)
	if err != nil {
		return false, err
	}
	found, err := h.containerd.Containers(ctx, containerd.Filter{})
	if err != nil {
		return false, err
	}
	kept, err := h.keptNames()
	needed := slices.ContainsFunc(found, func(c containerd.Container) bool { return c.Running() || kept[c.ID] })
	return !needed, err
}

// Shutdown ends the builder and the private engine, unless a command uses it. From then on no
// command begins until this process has gone.
func (r *runtime) Shutdown(ctx context.Context) error {
	alone, err := flock.Try(usersLock(r.cfg.Paths))
	if errors.Is(err, flock.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	h, err := r.current(ctx)
	if err == nil {
		err = h.sweepVolumes(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alone = alone
	if err := errors.Join(err, endDaemons(ctx, r.cfg)); err != nil {
		return err
	}
	return cgroup.RemoveSoon(r.cfg.Paths.CgroupParent(), time.Now().Add(leavingTime))
}

// leavingTime is for processes that are still in our cgroup when the supervisor
// leaves: another one that was just started, and finds that there is one.
const leavingTime = 2 * time.Second

// endDaemons ends the builder, and then the engine when it is our own. Of another
// one goes what only our containers have made.
func endDaemons(ctx context.Context, cfg Config) error {
	if err := builder(cfg).Stop(ctx); err != nil {
		return err
	}
	if err := errors.Join(removeCgroups(ctx, cfg.Paths), secrets.Open(cfg.Paths).Tidy(ctx)); err != nil {
		return err
	}
	if c := engineConfig(cfg); c.Address == "" {
		return engine.Stop(ctx, c)
	}
	return cgroup.Remove(cfg.Paths.CgroupParent())
}
