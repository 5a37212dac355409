package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/engine"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/supervisor"
)

// Supervise is the supervisor of this host, until nothing needs it any more or
// ctx ends.
func Supervise(ctx context.Context, cfg Config, version string) error {
	return supervisor.Run(ctx, supervisor.Config{
		Paths:   cfg.Paths,
		Runtime: &runtime{cfg: cfg},
		Version: version,
		// Started by a shim it would stay in the engine's cgroup, which could
		// not go then.
		Cgroup: "/",
	})
}

// StopSystem ends the supervisor, the builder and the private engine, once no command uses
// them; when it has to wait for one it calls waiting. It refuses while containers
// run, unless force is Forced; these go on then, and the supervisor comes back.
func StopSystem(ctx context.Context, cfg Config, force Force, waiting func()) error {
	if err := checkRoot(); err != nil {
		return err
	}
	alone, err := flock.AcquireNotify(ctx, usersLock(cfg.Paths), lockPatience, waiting)
	if err != nil {
		return err
	}
	defer alone.Unlock()
	if force != Forced {
		if err := checkNothingRuns(ctx, cfg); err != nil {
			return err
		}
	}
	if err := supervisor.Stop(ctx, cfg.Paths); err != nil {
		return err
	}
	return endDaemons(ctx, cfg)
}

// Force says whether containers that run are a reason to refuse.
type Force string

const (
	Forced  Force = "forced"
	Careful Force = "careful"
)

// checkNothingRuns refuses while containers run, and takes away what killed
// processes have left mounted for others.
func checkNothingRuns(ctx context.Context, cfg Config) error {
	eng, err := engine.Find(ctx, engineConfig(cfg))
	if errors.Is(err, engine.ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	h, err := connect(ctx, cfg, eng)
	if err != nil {
		return err
	}
	defer h.Close()
	found, err := h.containerd.Containers(ctx, containerd.Filter{})
	if err != nil {
		return err
	}
	for _, c := range found {
		does := "runs"
		if !c.Running() {
			does = "is about to be started again"
		}
		if c.Running() || h.aboutToRestart(c.ID, h.state(c)) {
			return fmt.Errorf("container %s of project %s %s: stop it first (gocompose -p %s stop), or use --force",
				c.Record.Spec.Name, c.Record.Spec.Project, does, c.Record.Spec.Project)
		}
	}
	return errors.Join(h.sweepStages(), h.sweepVolumes(ctx))
}

// usersLock is shared by all commands that use the engine. Who has it alone may
// end the engine.
func usersLock(p paths.Paths) string { return p.Locks() + "/users" }
