package host

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/buildkit/daemon"
	"github.com/gocompose/gocompose/containerd/engine"
	"github.com/gocompose/gocompose/internal/cgroup"
)

// lazyBuilder is the connection to the buildkitd of this host, which is started by
// the first build.
type lazyBuilder struct {
	mu     sync.Mutex
	use    *daemon.Use
	client *buildkit.Client
}

// Builder returns the buildkitd of this host, which it starts when need be. It goes
// on until the host is closed, and may be ended then when nobody uses it for a while.
// One that has died since the last call is started again.
func (h *Host) Builder(ctx context.Context) (*buildkit.Client, error) {
	b := h.builder
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client != nil {
		if b.client.Answers(ctx) {
			return b.client, nil
		}
		if err := b.close(); err != nil {
			return nil, err
		}
	}
	config, err := h.buildConfig()
	if err != nil {
		return nil, err
	}
	use, err := builder(h.cfg).Ensure(ctx, config)
	if err != nil {
		return nil, err
	}
	client, err := buildkit.Dial(ctx, use.Socket)
	if err != nil {
		return nil, errors.Join(err, use.Close())
	}
	b.use, b.client = use, client
	return client, nil
}

// builder is the buildkitd of the layout.
func builder(cfg Config) daemon.Builder {
	return daemon.Builder{Paths: cfg.Paths, Sweep: func(ctx context.Context) error { return sweepBuilds(ctx, cfg) }}
}

func (h *Host) buildConfig() (daemon.Config, error) {
	limits, err := daemon.LimitsOf(os.Getenv)
	used := h.containerd.Config()
	return daemon.Config{
		Containerd:  h.engine.Address,
		Namespace:   used.Namespace,
		Snapshotter: used.Snapshotter,
		Shim:        h.engine.Shim,
		Runc:        h.engine.Runc,
		RuncRoot:    h.engine.RuncRoot,
		Env:         daemon.Environ(h.cfg.Paths, os.Environ()),
		Limits:      limits,
	}, err
}

// Close ends the connection. The buildkitd goes on for a while.
func (b *lazyBuilder) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.close()
}

// close needs the lock.
func (b *lazyBuilder) close() error {
	if b.client == nil {
		return nil
	}
	err := errors.Join(b.client.Close(), b.use.Close())
	b.client, b.use = nil, nil
	return err
}

// sweepBuilds takes away what builds have left that nobody carries on. Where the
// engine does not run, what only it can take away is left for the next sweep.
func sweepBuilds(ctx context.Context, cfg Config) error {
	steps := daemon.CgroupParent(cfg.Paths)
	eng, err := engine.Find(ctx, engineConfig(cfg))
	switch {
	case errors.Is(err, engine.ErrNotRunning):
		return nil
	case err != nil:
		return err
	}
	h, err := connect(ctx, cfg, eng)
	if err != nil {
		return err
	}
	if err := errors.Join(h.containerd.RemoveSteps(ctx, steps), h.Close()); err != nil {
		return err
	}
	// What was killed while a step was made leaves it empty.
	return cgroup.Remove(steps)
}
