package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/internal/flock"
)

// making is the note that a container is being made, or taken away: a file beside
// its folder with the names of the anonymous volumes that are made for it, one a
// line. It is there before anything else, so that what a killed command leaves of
// a container that is not there, not yet or no longer, is found and taken away.
type making struct {
	path string
	file *os.File
}

// makingPrefix begins the names of the notes; no container's ID begins so.
const makingPrefix = ".making-"

func (h *Host) beginMaking(id string) (*making, error) { return h.note(id, os.O_APPEND) }

// beginRemoving notes no volumes: those of a container that was there stay, but
// for those that noteOwnVolumes adds.
func (h *Host) beginRemoving(id string) (*making, error) { return h.note(id, os.O_TRUNC) }

func (h *Host) note(id string, how int) (*making, error) {
	if err := os.MkdirAll(h.cfg.Paths.Containers(), 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(h.cfg.Paths.Containers(), makingPrefix+id)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|how, 0o600)
	if err != nil {
		return nil, err
	}
	return &making{path, f}, nil
}

// volume notes that an anonymous volume is about to be made.
func (m *making) volume(name string) error {
	_, err := m.file.WriteString(name + "\n")
	return err
}

// end takes the note away: the container is there, whole.
func (m *making) end() error { return errors.Join(m.file.Close(), os.Remove(m.path)) }

// Sweep takes away what killed commands have left of volumes and containers that
// they were making or removing. Those that somebody is busy with now are left
// alone.
func (h *Host) Sweep(ctx context.Context) error {
	errs := []error{h.volumes.Sweep()}
	entries, err := os.ReadDir(h.cfg.Paths.Containers())
	if !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	for _, e := range entries {
		if id, ok := strings.CutPrefix(e.Name(), makingPrefix); ok {
			errs = append(errs, h.sweep(ctx, id))
		}
	}
	return errors.Join(append(errs, h.sweepStages(), h.sweepVolumes(ctx), h.sweepLocks(), h.sweepLeases(), h.forgetRemoved(ctx))...)
}

// sweepLocks takes away the lock files of containers of which there is nothing
// else: who was killed between the lock and the note leaves no more than that.
func (h *Host) sweepLocks() error {
	locks, err := filepath.Glob(h.containerLock("*"))
	errs := []error{err}
	for _, path := range locks {
		id := strings.TrimPrefix(path, h.containerLock(""))
		if exists(h.cfg.Paths.Container(id)) || exists(filepath.Join(h.cfg.Paths.Containers(), makingPrefix+id)) {
			continue
		}
		lock, err := flock.Try(path)
		if errors.Is(err, flock.ErrLocked) {
			continue // somebody is about to write the note
		}
		if err == nil {
			err = errors.Join(removeIfThere(path), lock.Unlock())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (h *Host) sweep(ctx context.Context, id string) error {
	lock, err := flock.Try(h.containerLock(id))
	if errors.Is(err, flock.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = h.containerd.Container(ctx, id)
	switch {
	case err == nil: // it was made after all, or not yet removed
		err = os.Remove(filepath.Join(h.cfg.Paths.Containers(), makingPrefix+id))
	case errdefs.IsNotFound(err):
		err = h.unmake(ctx, id)
	}
	return errors.Join(err, lock.Unlock())
}

// unmake takes away what there is of a container that containerd does not have,
// the note last of all but the lock, which the caller has.
func (h *Host) unmake(ctx context.Context, id string) error {
	note := filepath.Join(h.cfg.Paths.Containers(), makingPrefix+id)
	names, err := os.ReadFile(note)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for name := range strings.Lines(string(names)) {
		if !strings.HasSuffix(name, "\n") {
			break // it was killed before it could make that one
		}
		if err := h.volumes.Remove(ctx, strings.TrimSuffix(name, "\n")); err != nil {
			return err
		}
	}
	if err := errors.Join(h.detach(ctx, id), h.unstage(id), h.removeAttach(id), h.forget(ctx, id)); err != nil {
		return err
	}
	if err := os.RemoveAll(h.cfg.Paths.Container(id)); err != nil {
		return fmt.Errorf("removing the logs: %w", err)
	}
	return errors.Join(os.Remove(note), removeIfThere(h.copyLock(id)), removeIfThere(h.containerLock(id)))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
