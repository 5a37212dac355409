// Package host does on this machine what plans say: it composes containerd,
// networks, volumes and the supervisor, which know nothing of each other.
//
// It is the executor's backend in the command line, and the supervisor's view
// of the runtime.
package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/engine"
	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/secrets"
	"github.com/gocompose/gocompose/secrets/content"
	"github.com/gocompose/gocompose/volumes"
)

// Config says which machine, so to speak.
type Config struct {
	Paths paths.Paths
	// Address is another containerd's than our own; empty: our own.
	Address string
	// Program is the path of gocompose itself, which is started again as the
	// supervisor.
	Program string
	// External are the folders of external secrets and configs.
	External content.Folders
	// Repositories may have images that are named by their digests and are not to be had
	// from their own.
	Repositories []string
	// Version of gocompose, which is noted on what it makes.
	Version string
}

// Host is one machine. It can be used from any goroutine.
type Host struct {
	cfg        Config
	engine     engine.Engine
	containerd *containerd.Client
	images     *images.Store
	networks   *networks.Networks
	volumes    *volumes.Store
	secrets    secrets.Store
	contents   project.Contents // what is in the secrets and configs of what is made
	trust      trust            // by whom images have to be signed
	builds     Builds
	supervisor *lazySupervisor
	builder    *lazyBuilder
	use        *flock.Lock                            // while it is held, nobody ends the engine; nil in the supervisor
	goingDown  bool                                   // what is stopped is not stopped by the user
	booting    bool                                   // what is started is not started by the user
	created    map[string]func(context.Context) error // see WithAttach
	stopped    *stopped
}

// ErrNothingHere: the engine has never been started, so nothing exists.
var ErrNothingHere = errors.New("nothing was ever started here")

// ErrNotRoot: containers and networks are made by root only.
var ErrNotRoot = errors.New("this needs root: run it with sudo")

func checkRoot() error {
	if os.Geteuid() != 0 {
		return ErrNotRoot
	}
	return nil
}

// Open returns the host with its engine running, which it starts when need be.
func Open(ctx context.Context, cfg Config) (*Host, error) {
	if err := checkRoot(); err != nil {
		return nil, err
	}
	use, err := flock.Share(ctx, usersLock(cfg.Paths))
	if err != nil {
		return nil, err
	}
	eng, err := engine.Ensure(ctx, engineConfig(cfg))
	if err != nil {
		return nil, errors.Join(err, use.Unlock())
	}
	h, err := connect(ctx, cfg, eng)
	if err != nil {
		return nil, errors.Join(err, use.Unlock())
	}
	h.use = use
	if eng.Private {
		h.supervisor.begin(ctx)
	}
	return h, nil
}

// OpenExisting is Open for commands that only look: on a machine where the
// private engine never ran it starts none and returns ErrNothingHere.
func OpenExisting(ctx context.Context, cfg Config) (*Host, error) {
	if cfg.Address == "" {
		if _, err := os.Stat(cfg.Paths.Engine()); os.IsNotExist(err) {
			return nil, ErrNothingHere
		}
	}
	return Open(ctx, cfg)
}

func engineConfig(cfg Config) engine.Config {
	c := engine.FromEnv(cfg.Paths)
	if cfg.Address != "" {
		c.Address = cfg.Address
	}
	return c
}

func connect(ctx context.Context, cfg Config, eng engine.Engine) (*Host, error) {
	client, err := containerd.Connect(ctx, containerd.Config{
		Address:      eng.Address,
		Runtime:      eng.Runtime,
		Runc:         eng.Runc,
		RuncRoot:     eng.RuncRoot,
		CgroupParent: cfg.Paths.CgroupParent(),
		Version:      cfg.Version,
	})
	if err != nil {
		return nil, err
	}
	nets, err := networks.Open(cfg.Paths)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	h := &Host{
		cfg:        cfg,
		engine:     eng,
		containerd: client,
		images:     images.New(client),
		networks:   nets,
		volumes:    volumes.Open(cfg.Paths.Volumes(), cfg.Paths.UsedVolumes()),
		secrets:    secrets.Open(cfg.Paths),
		supervisor: newLazySupervisor(cfg),
		builder:    &lazyBuilder{},
		stopped:    &stopped{ids: map[string]bool{}},
	}
	return h, nil
}

// Close ends the connections. What runs goes on. No host, nil, has none.
func (h *Host) Close() error {
	if h == nil {
		return nil
	}
	err := errors.Join(h.builder.Close(), h.containerd.Close())
	h.supervisor.Close()
	if h.use != nil {
		err = errors.Join(err, h.use.Unlock())
	}
	return err
}

// Images returns the images of this host.
func (h *Host) Images() *images.Store { return h.images }

// TakeOver has the lease in ctx keep what earlier commands on the project had fetched and
// made when they were killed or failed, and ends theirs. The caller has the project's
// lock. Of commands on images, which are about none, "", it is those that have ended.
func (h *Host) TakeOver(ctx context.Context, project string) error {
	return h.containerd.TakeOver(ctx, project, h.lockLeft)
}

// lockPatience is how long a lock is waited for in silence.
const lockPatience = 300 * time.Millisecond

// Locks are named by what they guard.
func projectLock(p paths.Paths, name string) string { return p.Locks() + "/project-" + name }

func (h *Host) lockContainer(ctx context.Context, id string) (*flock.Lock, error) {
	l, err := flock.Acquire(ctx, h.containerLock(id))
	if err != nil {
		return nil, fmt.Errorf("waiting for another command on the container: %w", err)
	}
	return l, nil
}

func (h *Host) containerLock(id string) string { return h.cfg.Paths.Locks() + "/container-" + id }

// LockProject keeps other commands from changing the project. When it has to
// wait it says so by waiting.
func LockProject(ctx context.Context, p paths.Paths, name string, waiting func()) (*flock.Lock, error) {
	return flock.AcquireNotify(ctx, projectLock(p, name), lockPatience, waiting)
}
