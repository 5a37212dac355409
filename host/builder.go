package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/buildkit/daemon"
	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/engine"
	"github.com/gocompose/gocompose/containerd/registry"
	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/networks"
)

// lazyBuilder is the connection to the buildkitd of this host, which is started by
// the first build.
type lazyBuilder struct {
	mu     sync.Mutex
	use    *daemon.Use
	client *buildkit.Client
}

// Builder returns the buildkitd of this host, which it starts when need be. It goes
// on until LeaveBuilder, or until the host is closed.
// One that has died since the last call is started again.
func (h *Host) Builder(ctx context.Context) (*buildkit.Client, error) {
	b := h.builder
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client != nil {
		if b.use.Answers(ctx) {
			return b.client, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := b.close(); err != nil {
			return nil, err
		}
	}
	if _, err := daemon.IdleTime(os.Getenv); err != nil { // the supervisor's word would be late
		return nil, err
	}
	eng, err := engine.Ensure(ctx, engineConfig(h.cfg)) // it may be another one than when this began
	if err != nil {
		return nil, err
	}
	config, err := h.buildConfig(ctx, eng)
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
	h.supervisor.begin(ctx) // who ends it; that of an engine that is not ours has not been begun
	return client, nil
}

// LeaveBuilder lets go of the buildkitd, which may be ended then when nobody uses it for
// a while. Builder has it back.
func (h *Host) LeaveBuilder() error { return h.builder.Close() }

// builder is the buildkitd of the layout.
func builder(cfg Config) daemon.Builder {
	return daemon.Builder{
		Paths: cfg.Paths,
		Disconnect: func(ctx context.Context) error {
			nets, err := networks.Open(cfg.Paths)
			if err != nil {
				return err
			}
			return errors.Join(nets.RemoveSteps(ctx, daemon.Namespaces(cfg.Paths)), nets.Close())
		},
	}
}

// tendPause is between two looks whether the buildkitd is still needed.
const tendPause = 10 * time.Second

// Tend ends the buildkitd when nobody has used it for a while, and takes away what
// builds have left. It needs the engine only for what there is to take away.
func (r *runtime) Tend(ctx context.Context, report func(error)) {
	idle, err := daemon.IdleTime(os.Getenv)
	if err != nil {
		report(err)
		return
	}
	again := time.NewTicker(min(idle, tendPause))
	defer again.Stop()
	for {
		report(builder(r.cfg).Tend(ctx, idle))
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// buildConfig is how a buildkitd is to work on the engine. It pulls by the same rules
// as we do.
func (h *Host) buildConfig(ctx context.Context, eng engine.Engine) (daemon.Config, error) {
	id, err := h.containerd.ID(ctx)
	if err != nil {
		return daemon.Config{}, err
	}
	routes, err := registry.Routes(registry.FromEnv())
	if err != nil {
		return daemon.Config{}, err
	}
	limits, err := daemon.LimitsOf(os.Getenv)
	if err != nil {
		return daemon.Config{}, err
	}
	registries := map[string]daemon.Registry{}
	for host, r := range routes {
		to := daemon.Registry{Mirrors: r.Mirrors, Insecure: r.Unverified, CAs: r.CAs}
		if plain := r.Scheme == "http"; r.Scheme != "" {
			to.HTTP = &plain
		}
		for _, k := range r.Keys {
			to.KeyPairs = append(to.KeyPairs, daemon.KeyPair(k))
		}
		registries[host] = to
	}
	used := h.containerd.Config()
	return daemon.Config{
		Containerd:    eng.Address,
		ContainerdPid: eng.Pid,
		ContainerdID:  id,
		Foreign:       !eng.Private,
		Namespace:     used.Namespace,
		Snapshotter:   used.Snapshotter,
		Runc:          eng.Runc,
		DeviceFolders: containerd.DeviceFolders(),
		Registries:    registries,
		Env:           daemon.Environ(h.cfg.Paths, os.Environ()),
		Limits:        limits,
	}, nil
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

// endLostSteps ends the steps that an engine which died has left running. The
// buildkitd no longer hears of their end, and waits for it as long as one lives: the
// build would hang, where it has failed.
func endLostSteps(cfg Config, eng engine.Engine) error {
	facts, err := cgroup.Look()
	if err != nil {
		return err
	}
	pids, err := facts.Group(daemon.CgroupParent(cfg.Paths)).Processes()
	if err != nil || len(pids) == 0 || eng.Pid == 0 {
		return err
	}
	since, err := startedAt(eng.Pid)
	if err != nil {
		return nil // it has died again, which is heard of
	}
	var failed []error
	for _, pid := range pids {
		if began, err := startedAt(pid); err != nil || began >= since {
			continue
		}
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			failed = append(failed, fmt.Errorf("ending process %d, which is left of a build: %w", pid, err))
		}
	}
	return errors.Join(failed...)
}

// startedAt returns when a process was started, in clock ticks since the boot
// (proc_pid_stat(5), starttime).
func startedAt(pid int) (uint64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	const starttime = 22 - 3 // of those behind the name, of which the first is the third of all
	_, rest, _ := bytes.Cut(text[bytes.LastIndexByte(text, ')'):], []byte(" "))
	fields := bytes.Fields(rest)
	if len(fields) <= starttime {
		return 0, fmt.Errorf("process %d has no time of its start", pid)
	}
	return strconv.ParseUint(string(fields[starttime]), 10, 64)
}
