package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/gocompose/gocompose/internal/daemon"
	"github.com/gocompose/gocompose/internal/flock"
)

// Stop ends it, whoever uses it, and takes away what builds have left. That it does
// not run is no error.
func (b Builder) Stop(ctx context.Context) error {
	if _, err := os.Stat(b.Paths.BuilderState()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return b.locked(ctx, b.stop)
}

// Tend ends it when nobody uses it, and has not for the given time. While nobody does
// it takes away what is left of steps, and all that is left of one that was killed. It is
// to be called again and again.
func (b Builder) Tend(ctx context.Context, idle time.Duration) error {
	if _, err := os.Stat(b.configFile()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return b.locked(ctx, func(ctx context.Context) error {
		alone, err := flock.Try(b.usersLock())
		if errors.Is(err, flock.ErrLocked) {
			return nil
		}
		if err != nil {
			return err
		}
		return errors.Join(b.tend(ctx, idle), alone.Unlock())
	})
}

// Resting tells whether one is there that somebody has used within the given time: there
// may be a next build.
func (b Builder) Resting(idle time.Duration) (bool, error) {
	used, err := os.Stat(b.usedFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && time.Since(used.ModTime()) < idle, err
}

// tend is Tend of one that nobody uses.
func (b Builder) tend(ctx context.Context, idle time.Duration) error {
	resting, err := b.Resting(idle)
	if err != nil {
		return err
	}
	if !resting {
		return b.stop(ctx)
	}
	if _, err := daemon.Probe(ctx, b.Paths.BuilderSocket()); err != nil {
		return b.stop(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	return b.killSteps(ctx)
}

// endOutdated ends one that was started with another configuration, unless somebody
// uses it. It needs the lock.
func (b Builder) endOutdated(ctx context.Context, want []byte) error {
	have, err := os.ReadFile(b.configFile())
	if errors.Is(err, fs.ErrNotExist) || err == nil && bytes.Equal(have, want) {
		return nil
	}
	if err != nil {
		return err
	}
	alone, err := flock.Try(b.usersLock())
	if errors.Is(err, flock.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(b.stop(ctx), alone.Unlock())
}

// checkContainerd refuses one that builds on another containerd, and that others use.
func (b Builder) checkContainerd(c Config) error {
	text, err := os.ReadFile(b.configFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var have file
	if err == nil {
		err = toml.Unmarshal(text, &have)
	}
	if err != nil {
		return err
	}
	if on := have.Worker.Containerd.Address; on != c.Containerd {
		return fmt.Errorf("another command builds on containerd at %s: try again when it has ended", on)
	}
	return nil
}

// stop needs the lock. The configuration goes last: where it is, there may be
// something to take away.
func (b Builder) stop(ctx context.Context) error {
	if err := b.server().End(ctx, stopGrace); err != nil {
		return err
	}
	if err := errors.Join(b.clear(ctx), os.RemoveAll(b.pluginFolder())); err != nil {
		return err
	}
	var failed []error
	for _, path := range []string{
		b.Paths.BuilderSocket(), b.usedFile(), b.networkFile(), b.configFile(),
	} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (b Builder) locked(ctx context.Context, do func(context.Context) error) error {
	l, err := b.lock(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(do(ctx), l.Unlock()); err != nil {
		return fmt.Errorf("stopping %s: %w", name, err)
	}
	return nil
}
