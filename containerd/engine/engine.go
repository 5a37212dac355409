// Package engine finds or starts the containerd that gocompose works with.
//
// Without an address it is a private one: from the bundle, with a root, state,
// socket and configuration of its own, a child of nobody, as long as it is
// needed. What is true is asked of the socket and the process table each time;
// there is no record that could be wrong.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gocompose/gocompose/internal/daemon"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/paths"
)

// Errors of Find, Ensure and Stop. ErrTooOld is one more of Ensure.
var (
	ErrNotRunning = errors.New("containerd is not running")
	ErrNotRoot    = errors.New("gocompose needs root: it starts containers and makes networks; use sudo")
	ErrForeign    = errors.New("this containerd is not gocompose's own")
)

// Runtime is the name by which a containerd that we start finds our shim, in
// its PATH.
const Runtime = "io.containerd.gocompose.v1"

// Config says which containerd is meant.
type Config struct {
	Paths paths.Paths
	// Bin is the folder with containerd, runc and the shim. Empty means the
	// folder of the running program and after it PATH.
	Bin string
	// Address of another containerd than our own: a socket's path, which may
	// begin with "unix://".
	Address string
	// NoSync lets our containerd write its metadata without waiting for the
	// disk, for machines that are thrown away, such as those of CI: a power cut
	// may cost all of it. It counts at the start of containerd.
	NoSync bool
}

// FromEnv returns the engine that the environment asks for: CONTAINERD_ADDRESS
// is another containerd's address, GOCOMPOSE_NO_SYNC=1 sets NoSync.
func FromEnv(p paths.Paths) Config {
	return Config{Paths: p, Address: os.Getenv("CONTAINERD_ADDRESS"), NoSync: os.Getenv("GOCOMPOSE_NO_SYNC") == "1"}
}

// Engine is a containerd that answers.
type Engine struct {
	Address  string // the path of its gRPC socket
	Private  bool   // ours
	Runtime  string // runtime of containers: Runtime, or with a foreign one our shim's absolute path
	Shim     string // our shim's absolute path
	Runc     string // runc's absolute path
	RuncRoot string // runc's --root
	Init     string // absolute path of the init program of containers; empty when it is not found
	Pid      int    // of containerd; 0 when it runs in a pid namespace that we do not see
}

// Find returns the engine when it answers, else an error that wraps
// ErrNotRunning. Shim, Runc, and Runtime of a foreign engine, are empty when their
// programs are not found: looking at what runs does not need them.
func Find(ctx context.Context, c Config) (Engine, error) {
	e, err := c.describe()
	if err != nil {
		return Engine{}, err
	}
	e.Pid, err = daemon.Probe(ctx, e.Address)
	if err == nil {
		return e, nil
	}
	if ctx.Err() != nil {
		return Engine{}, fmt.Errorf("asking containerd at %s: %w", e.Address, context.Cause(ctx))
	}
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		return Engine{}, ErrNotRoot
	}
	if !e.Private {
		return Engine{}, fmt.Errorf("%w at %s: %w; start it, or leave out --address and CONTAINERD_ADDRESS to use gocompose's own",
			ErrNotRunning, e.Address, err)
	}
	return Engine{}, fmt.Errorf("%w at %s: %w", ErrNotRunning, e.Address, err)
}

// Ensure is Find that starts our own containerd when it does not run, refuses
// another one that is too old, and demands all programs. It returns when
// containerd answers. Any number of processes may call it at once: one
// containerd is started.
func Ensure(ctx context.Context, c Config) (Engine, error) {
	p, err := c.locate()
	if err != nil {
		return Engine{}, err
	}
	e, err := Find(ctx, c)
	if err == nil && c.Foreign() {
		return e, checkVersion(ctx, e.Address)
	}
	if err == nil || c.Foreign() || !errors.Is(err, ErrNotRunning) {
		return e, err
	}
	if os.Geteuid() != 0 {
		return Engine{}, ErrNotRoot
	}
	lock, err := c.lock(ctx)
	if err != nil {
		return Engine{}, err
	}
	err = c.startOnce(ctx, p)
	if err := errors.Join(err, lock.Unlock()); err != nil {
		return Engine{}, fmt.Errorf("starting containerd: %w", err)
	}
	return Find(ctx, c)
}

// describe returns the engine that is meant, without its process.
func (c Config) describe() (Engine, error) {
	p, err := c.locate()
	if err != nil && !errors.Is(err, errMissing) {
		return Engine{}, err
	}
	e := Engine{Address: c.Paths.EngineSocket(), Private: true, Runtime: Runtime, Shim: p.shim, Runc: p.runc, RuncRoot: c.Paths.Runc(), Init: p.init}
	if c.Foreign() {
		e.Private, e.Runtime = false, p.shim
		e.Address, err = socketOf(c.Address)
		return e, err
	}
	return e, nil
}

// Foreign tells whether another containerd than our own is meant.
func (c Config) Foreign() bool {
	return c.Address != "" && c.Address != c.Paths.EngineSocket() && c.Address != "unix://"+c.Paths.EngineSocket()
}

// lock is held while containerd is started or stopped.
func (c Config) lock(ctx context.Context) (*flock.Lock, error) {
	l, err := flock.Acquire(ctx, filepath.Join(c.Paths.Locks(), "engine"))
	if err != nil {
		return nil, fmt.Errorf("waiting for another start or stop of containerd: %w", err)
	}
	return l, nil
}

// socketOf returns the path of a unix socket's address, which may be written
// as a path or as a URL, "unix:///run/containerd/containerd.sock".
func socketOf(address string) (string, error) {
	socket := strings.TrimPrefix(address, "unix://")
	if !strings.HasPrefix(socket, "/") && !strings.HasPrefix(socket, "@") {
		return "", fmt.Errorf("address %q of containerd: not an absolute path of a unix socket", address)
	}
	return socket, nil
}
