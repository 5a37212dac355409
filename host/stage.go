package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/unmount"
	"github.com/gocompose/gocompose/project"
)

// The runtime mounts what a path says at that moment. A path within a volume, or within
// files that were fetched, is no such path: who writes there could put a link in its place
// that leads out. And an image has none until it is mounted. So both are mounted
// where nobody else writes, just for the start, and the runtime mounts that.

// staged is the path where what container id mounts at target is mounted first.
func (h *Host) staged(id, target string) string {
	sum := sha256.Sum256([]byte(target))
	return filepath.Join(h.cfg.Paths.Mounts(), id, hex.EncodeToString(sum[:8]))
}

// stage mounts what a container that is about to start cannot be given by path.
// The caller has the container's lock, and calls unstage.
func (h *Host) stage(ctx context.Context, c containerd.Container) error {
	if err := h.unstage(c.ID); err != nil { // of one that was killed
		return err
	}
	for _, m := range slices.Concat(c.Record.Spec.Mounts, c.Record.Taken) {
		if m.Type != project.MountImage && m.Subpath == "" && m.Within == "" {
			continue
		}
		if err := os.MkdirAll(filepath.Join(h.cfg.Paths.Mounts(), c.ID), 0o700); err != nil {
			return err
		}
		if err := h.stageOne(ctx, c, m); err != nil {
			return fmt.Errorf("the mount at %s: %w", m.Target, err)
		}
	}
	return nil
}

func (h *Host) stageOne(ctx context.Context, c containerd.Container, m project.Mount) error {
	path := h.staged(c.ID, m.Target)
	var root string
	var err error
	switch {
	case m.Type == project.MountBind:
		f, err := openWithin(m)
		if err != nil {
			return err
		}
		return errors.Join(bindFile(f, path), f.Close())
	case m.Type == project.MountVolume:
		root, err = h.volumeData(m.Source)
	case m.Subpath == "":
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		return h.containerd.MountImage(ctx, c.ID, m.Target, path)
	default:
		root = path + "-whole"
		if err := os.Mkdir(root, 0o700); err != nil {
			return err
		}
		err = h.containerd.MountImage(ctx, c.ID, m.Target, root)
	}
	if err != nil {
		return err
	}
	f, err := openBelow(root, m)
	if err != nil {
		return err
	}
	return errors.Join(bindFile(f, path), f.Close())
}

// openBelow opens a mount's subpath. No link leads out of root, also when it is
// put there just now.
func openBelow(root string, m project.Mount) (*os.File, error) {
	f, err := pathrs.OpenInRoot(root, m.Subpath)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("subpath %s: there is no such file or folder in %s %s: make it first", m.Subpath, m.Type, m.Source)
	}
	return f, err
}

// bindFile mounts an open file or folder at path.
func bindFile(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		err = os.Mkdir(path, 0o700)
	} else {
		err = os.WriteFile(path, nil, 0o600)
	}
	if err != nil {
		return err
	}
	return os.NewSyscallError("mount", unix.Mount(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), path, "", unix.MS_BIND|unix.MS_REC, ""))
}

// unstage takes away what was mounted for a start. The container has mounts of its
// own by then. The caller has the container's lock.
func (h *Host) unstage(id string) error {
	dir := filepath.Join(h.cfg.Paths.Mounts(), id)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if err := unmount.All(path); err != nil {
			errs = append(errs, err)
			continue
		}
		// Never with all below it: that could be data.
		errs = append(errs, os.Remove(path))
	}
	return errors.Join(append(errs, os.Remove(dir))...)
}

// sweepStages takes away what starts have left mounted that were killed.
func (h *Host) sweepStages() error {
	entries, err := os.ReadDir(h.cfg.Paths.Mounts())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		lock, err := flock.Try(h.containerLock(e.Name()))
		if errors.Is(err, flock.ErrLocked) {
			continue // it is being started
		}
		if err == nil {
			err = errors.Join(h.unstage(e.Name()), lock.Unlock())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
