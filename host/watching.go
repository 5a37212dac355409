package host

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/transfer"
	"github.com/gocompose/gocompose/watch"
)

// ErrWatched: another command is watching the project.
var ErrWatched = errors.New("another command is watching the project's files")

// LockWatch keeps other commands from watching the project's files.
func LockWatch(p paths.Paths, name string) (*flock.Lock, error) {
	l, err := flock.Try(p.Locks() + "/watch-" + name)
	if errors.Is(err, flock.ErrLocked) {
		return nil, fmt.Errorf("project %s: %w: end it first", name, ErrWatched)
	}
	return l, err
}

// Sync makes files in a container like those of this host: what is not here any
// more is taken away there.
func (h *Host) Sync(ctx context.Context, id string, pairs []watch.Pair) error {
	here, err := transfer.OnHost("/")
	if err != nil {
		return err
	}
	defer here.Root.Close()
	return h.Files(ctx, id, func(ctx context.Context, root *os.File) error {
		var errs []error
		for _, p := range pairs {
			if err := ctx.Err(); err != nil {
				return err
			}
			here.Path = p.From
			if err := syncOne(ctx, here, transfer.Place{Root: root, Path: p.To}, p.Root); err != nil {
				errs = append(errs, fmt.Errorf("syncing %s: %w", p.From, err))
			}
		}
		return errors.Join(errs...)
	})
}

func syncOne(ctx context.Context, from, to transfer.Place, root bool) error {
	err := transfer.Put(ctx, transfer.Source{Place: from, Follow: root}, to, transfer.Rules{})
	if !errors.Is(err, os.ErrNotExist) || root {
		return err
	}
	if _, lerr := os.Lstat(from.Path); !errors.Is(lerr, os.ErrNotExist) {
		return err // it is something in the container that is not there
	}
	return transfer.Remove(to)
}

// Watched runs a command in a container because files have changed.
func (h *Host) Watched(ctx context.Context, id string, hook project.Hook, print func(line string)) error {
	result, err := h.containerd.RunWatched(ctx, id, hookOutput(h.cfg.Paths, id)+"-watch", hook, print)
	if err != nil || result.ExitCode == 0 {
		return err
	}
	if result.Output != "" {
		return fmt.Errorf("%q: %s", hook.Command, result.Output)
	}
	return fmt.Errorf("%q ended with exit code %d", hook.Command, result.ExitCode)
}
