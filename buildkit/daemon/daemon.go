// Package daemon starts and stops the buildkitd that images are built by: a private
// one, from the bundle, with a root, socket and configuration of its own. Like the
// engine's, what is true is asked of the socket and the process table each time.
//
// It builds in a containerd's own namespace of ours, so what it makes is there at
// once. Whoever builds has it in use; one that nobody has used for a while is ended.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gocompose/gocompose/internal/atomicfile"
	"github.com/gocompose/gocompose/internal/daemon"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/internal/programs"
)

// name is that of the program.
const name = "buildkitd"

// ErrMissing: a program is not found.
var ErrMissing = errors.New("missing programs")

// stopGrace is how long it may take to end before it is killed.
const stopGrace = 10 * time.Second

// Builder is the buildkitd of a layout.
type Builder struct {
	Paths paths.Paths
	// Bin is the folder with the program. Empty means the folder of the running
	// program and after it PATH.
	Bin string
	// Disconnect takes away the network of builds, with the namespaces that are bound
	// as Namespaces says. It is called while no buildkitd runs.
	Disconnect func(ctx context.Context) error
}

// Use is a buildkitd that answers, and goes on as long as it is used.
type Use struct {
	Socket string

	builder Builder
	lock    *flock.Lock
}

// Ensure returns a buildkitd that is as the configuration says, and starts it when
// need be. It returns when it answers. Any number of processes may call it at once:
// one is started. One that others use stays as it is.
func (b Builder) Ensure(ctx context.Context, c Config) (*Use, error) {
	p, err := b.locate()
	if err != nil {
		return nil, err
	}
	starting, err := b.lock(ctx)
	if err != nil {
		return nil, err
	}
	use, err := b.ensure(ctx, c, p)
	if err := errors.Join(err, starting.Unlock()); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return use, nil
}

// ensure needs the lock.
func (b Builder) ensure(ctx context.Context, c Config, p located) (*Use, error) {
	want, err := c.render(b)
	if err != nil {
		return nil, err
	}
	if err := b.endOutdated(ctx, want); err != nil {
		return nil, err
	}
	if err := b.checkContainerd(c); err != nil {
		return nil, err
	}
	err = b.server().Ensure(ctx, func() (daemon.Command, error) {
		return daemon.Command{
			Path:   p.buildkitd,
			Args:   b.server().Args,
			Env:    c.Env,
			Log:    b.logFile(),
			Cgroup: b.Paths.CgroupParent() + "/builder",
		}, b.prepare(ctx, c, p, want)
	})
	if err != nil {
		return nil, err
	}
	lock, err := flock.Share(ctx, b.usersLock())
	if err != nil {
		return nil, err
	}
	use := &Use{Socket: b.Paths.BuilderSocket(), builder: b, lock: lock}
	if err := b.used(); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return use, nil
}

// Answers tells whether it is still there. One that was killed may be listened to for a
// moment longer.
func (u *Use) Answers(ctx context.Context) bool {
	_, err := daemon.Probe(ctx, u.Socket)
	return err == nil
}

// Close lets go of it: it may be ended then.
func (u *Use) Close() error { return errors.Join(u.builder.used(), u.lock.Unlock()) }

// located are the absolute paths of what it needs.
type located struct{ buildkitd, plugin string }

// locate finds the programs.
func (b Builder) locate() (located, error) {
	folders, err := programs.In(b.Bin)
	if err != nil {
		return located{}, err
	}
	p := located{folders.Find(name), folders.Find(pluginName)}
	missing := name
	switch {
	case p.buildkitd != "" && p.plugin != "":
		return p, nil
	case p.buildkitd != "":
		missing = pluginName
	}
	return p, fmt.Errorf("%w: %s not found in %s, and images cannot be built without it; `make build` in gocompose's sources puts it into bin/, beside gocompose",
		ErrMissing, missing, folders)
}

// Program returns the program, with its version.
func (b Builder) Program(ctx context.Context) (programs.Program, error) {
	folders, err := programs.In(b.Bin)
	if err != nil {
		return programs.Program{}, err
	}
	return programs.Ask(ctx, name, folders.Find(name), "--version"), nil
}

// Pid returns the ID of its process; 0: none runs.
func (b Builder) Pid() (int, error) {
	pids, err := b.server().Find()
	if err != nil || len(pids) == 0 {
		return 0, err
	}
	return pids[0], nil
}

// server is how it is known.
func (b Builder) server() daemon.Server {
	return daemon.Server{
		Known:  daemon.Known{Name: name, Args: []string{"--config", b.configFile()}},
		Socket: b.Paths.BuilderSocket(),
		Log:    b.logFile(),
	}
}

// prepare makes the folders and the configuration file, for root alone, in a state
// in which it can start.
func (b Builder) prepare(ctx context.Context, c Config, p located, config []byte) error {
	for _, dir := range []string{b.Paths.Root, b.Paths.State, b.Paths.BuilderState()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := b.clear(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(temporaryFolder(b.Paths), 0o700); err != nil {
		return err
	}
	if err := b.prepareRoot(c); err != nil {
		return err
	}
	if err := b.preparePlugins(p.plugin); err != nil {
		return err
	}
	if err := c.prepareRunc(b.Paths); err != nil {
		return err
	}
	return atomicfile.Write(b.configFile(), config, 0o600)
}

// prepareRoot makes its root, empty if what is there is of another containerd: all that
// it knows of would be missing.
func (b Builder) prepareRoot(c Config) error {
	root := c.root(b.Paths)
	of := filepath.Join(root, "containerd")
	if id, err := os.ReadFile(of); err == nil && string(id) == c.ContainerdID {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	return atomicfile.Write(of, []byte(c.ContainerdID), 0o600)
}

// clear takes away what is left of builds, and of a buildkitd that runs no more.
func (b Builder) clear(ctx context.Context) error {
	return errors.Join(b.endSteps(ctx), b.clearTemporary(), b.forgetResults(), b.Disconnect(ctx))
}

// lock is held while it is started or stopped.
func (b Builder) lock(ctx context.Context) (*flock.Lock, error) {
	l, err := flock.Acquire(ctx, filepath.Join(b.Paths.Locks(), "builder"))
	if err != nil {
		return nil, fmt.Errorf("waiting for another start or stop of %s: %w", name, err)
	}
	return l, nil
}

// usersLock is shared by all who use it. It is taken under the lock.
func (b Builder) usersLock() string { return filepath.Join(b.Paths.Locks(), "builder-users") }

func (b Builder) configFile() string { return filepath.Join(b.Paths.BuilderState(), "buildkitd.toml") }
func (b Builder) logFile() string    { return filepath.Join(b.Paths.BuilderState(), "buildkitd.log") }

// usedFile was written when somebody last began or ceased to use it.
func (b Builder) usedFile() string { return filepath.Join(b.Paths.BuilderState(), "used") }

func (b Builder) used() error {
	err := os.WriteFile(b.usedFile(), nil, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // all of it has been taken away
	}
	now := time.Now()
	return errors.Join(err, os.Chtimes(b.usedFile(), now, now))
}
