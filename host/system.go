package host

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/engine"
	"github.com/gocompose/gocompose/internal/diskuse"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/programs"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/supervisor"
)

// Projects returns the names of the projects that have containers, sorted.
func (h *Host) Projects(ctx context.Context) ([]string, error) {
	found, err := h.containerd.Containers(ctx, containerd.Filter{})
	if err != nil {
		return nil, err
	}
	names := make([]string, len(found))
	for i, c := range found {
		names[i] = c.Record.Spec.Project
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// GoingDown returns the same host, by which containers are stopped because the
// machine goes down: unlike those that the user has stopped, they come back when
// it is up again.
func (h *Host) GoingDown() *Host {
	down := *h
	down.goingDown = true
	return &down
}

// Programs returns the programs that an engine and a builder need, with their
// versions.
func Programs(ctx context.Context, cfg Config) ([]programs.Program, error) {
	all, err := engine.Programs(ctx, engineConfig(cfg))
	if err != nil {
		return nil, err
	}
	buildkitd, err := builder(cfg).Program(ctx)
	return append(all, buildkitd), err
}

// Active tells whether containers may be running: the engine is, or has left
// some behind.
func Active(ctx context.Context, cfg Config) (bool, error) {
	if err := checkRoot(); err != nil {
		return false, err
	}
	attached, err := endpoint.List(cfg.Paths.Endpoints())
	if err != nil || len(attached) > 0 {
		return true, err
	}
	_, err = engine.Find(ctx, engineConfig(cfg))
	if errors.Is(err, engine.ErrNotRunning) {
		return false, nil
	}
	return err == nil, err
}

// System is what there is of gocompose on this machine.
type System struct {
	Engine EngineStatus
	// Supervisor is nil when none runs.
	Supervisor *supervisor.Status
	Builder    BuilderStatus
	Programs   []programs.Program
	Disk       Disk
	// Containers are known while the engine runs.
	Containers []Info
}

// EngineStatus is how containerd is.
type EngineStatus struct {
	Running bool
	Private bool // our own
	Address string
	Version string // empty unless it runs
	Pid     int    // 0 when it cannot be told
}

// BuilderStatus is how buildkitd is, which runs while images are built and for a
// while after.
type BuilderStatus struct {
	Running bool
	Pid     int
}

// Disk is what is below the root folder, in allocated bytes. Another engine
// than our own keeps images and snapshots elsewhere: then they are 0 here.
type Disk struct {
	Images    int64 // as they were fetched
	Snapshots int64 // unpacked, and what containers have written beside volumes
	Volumes   int64
	Logs      int64
	Other     int64
}

// Total is the sum.
func (d Disk) Total() int64 { return d.Images + d.Snapshots + d.Volumes + d.Logs + d.Other }

// Look returns what there is, and starts nothing.
func Look(ctx context.Context, cfg Config) (System, error) {
	if err := checkRoot(); err != nil {
		return System{}, err
	}
	var s System
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		s.Engine, s.Containers, err = lookAtEngine(ctx, cfg)
		return err
	})
	group.Go(func() (err error) {
		s.Supervisor, err = lookAtSupervisor(ctx, cfg)
		return err
	})
	group.Go(func() (err error) {
		s.Builder.Pid, err = builder(cfg).Pid()
		s.Builder.Running = s.Builder.Pid != 0
		return err
	})
	group.Go(func() (err error) {
		s.Programs, err = Programs(ctx, cfg)
		return err
	})
	group.Go(func() (err error) {
		s.Disk, err = lookAtDisk(ctx, cfg)
		return err
	})
	return s, group.Wait()
}

func lookAtEngine(ctx context.Context, cfg Config) (EngineStatus, []Info, error) {
	c := engineConfig(cfg)
	s := EngineStatus{Private: !c.Foreign(), Address: strings.TrimPrefix(c.Address, "unix://")}
	if s.Private {
		s.Address = cfg.Paths.EngineSocket()
	}
	eng, err := engine.Find(ctx, c)
	if errors.Is(err, engine.ErrNotRunning) {
		return s, nil, nil
	}
	if err != nil {
		return s, nil, err
	}
	// It must not be ended meanwhile, and was perhaps just now.
	use, err := flock.Share(ctx, usersLock(cfg.Paths))
	if err != nil {
		return s, nil, err
	}
	infos, err := s.ask(ctx, cfg, eng)
	if err != nil {
		if _, gone := engine.Find(ctx, c); errors.Is(gone, engine.ErrNotRunning) {
			s, infos, err = EngineStatus{Private: s.Private, Address: s.Address}, nil, nil
		}
	}
	return s, infos, errors.Join(err, use.Unlock())
}

func (s *EngineStatus) ask(ctx context.Context, cfg Config, eng engine.Engine) (_ []Info, err error) {
	s.Running, s.Pid = true, eng.Pid
	if s.Version, err = engine.Version(ctx, eng.Address); err != nil {
		return nil, err
	}
	h, err := connect(ctx, cfg, eng)
	if err != nil {
		return nil, err
	}
	infos, err := h.Containers(ctx, "")
	return infos, errors.Join(err, h.Close())
}

func lookAtSupervisor(ctx context.Context, cfg Config) (*supervisor.Status, error) {
	c := supervisor.NewClient(cfg.Paths)
	defer c.Close()
	s, err := c.Status(ctx)
	if errors.Is(err, supervisor.ErrNotRunning) {
		return nil, nil
	}
	return &s, err
}

// The folders of containerd's plugins below its root.
const (
	contentFolder   = "containerd/io.containerd.content.v1.content/"
	snapshotsFolder = "containerd/io.containerd.snapshotter.v1.overlayfs/"
)

// lookAtDisk leaves out what is mounted on volumes: it is elsewhere, and a server
// that does not answer would be waited for.
func lookAtDisk(ctx context.Context, cfg Config) (Disk, error) {
	all, err := LookAtVolumes(cfg)
	if err != nil {
		return Disk{}, err
	}
	elsewhere := map[string]bool{}
	for _, v := range all {
		elsewhere[v.Mountpoint] = len(v.Options) > 0
	}
	root := cfg.Paths.Root
	const images, snapshots, volumes, logs, other = "images", "snapshots", "volumes", "logs", "other"
	sums, err := diskuse.Of(ctx, root, func(path string) string {
		switch parts := strings.Split(path, "/"); {
		case elsewhere[filepath.Join(root, path)]:
			return diskuse.Skip
		case strings.HasPrefix(path, contentFolder):
			return images
		case strings.HasPrefix(path, snapshotsFolder):
			return snapshots
		case parts[0] == "volumes":
			return volumes
		case len(parts) == 3 && parts[0] == "containers" && strings.HasPrefix(parts[2], "log"):
			return logs
		}
		return other
	})
	return Disk{sums[images], sums[snapshots], sums[volumes], sums[logs], sums[other]}, err
}
