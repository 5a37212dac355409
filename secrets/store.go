// Package secrets keeps the secrets and configs of containers in memory: as files
// on a tmpfs, never on a disk.
package secrets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
)

// Store is the files of a layout's containers: one folder a container, with one
// file for each of its project.Files. Where the layout's state is not on a tmpfs
// the store has one of its own, for as long as there is something in it.
type Store struct{ dir, lock string }

// Open returns the store of a layout.
func Open(p paths.Paths) Store { return Store{p.Secrets(), filepath.Join(p.Locks(), "secrets")} }

// Path is where the file with that index of a container is.
func (s Store) Path(id string, index int) string {
	return filepath.Join(s.dir, id, strconv.Itoa(index))
}

// Place sees to it that the files of a container are there, which it has from
// content as far as they are not. The caller has the container's lock.
func (s Store) Place(ctx context.Context, id string, files []project.File, content func(project.File) ([]byte, error)) error {
	made := false
	for i, f := range files {
		path := s.Path(id, i)
		_, err := os.Lstat(path)
		if err == nil {
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if !made {
			if err := s.folder(ctx, id); err != nil {
				return fmt.Errorf("making room in memory for secrets and configs: %w", err)
			}
			made = true
		}
		data, err := content(f)
		if err == nil {
			err = put(path, data, f)
		}
		if err != nil {
			return fmt.Errorf("%v: %w", f, err)
		}
	}
	return nil
}

// put makes a file that is whole when it is there.
func put(path string, data []byte, as project.File) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chown(as.UID, as.GID), f.Chmod(fs.FileMode(as.Mode)), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

// Remove takes away the files of a container.
func (s Store) Remove(ctx context.Context, id string) error {
	if err := os.RemoveAll(filepath.Join(s.dir, id)); err != nil {
		return err
	}
	return s.Tidy(ctx)
}

// Names returns the containers that have files.
func (s Store) Names() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

// folder makes a container's folder in memory.
func (s Store) folder(ctx context.Context, id string) (err error) {
	lock, err := flock.Acquire(ctx, s.lock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	inMemory, err := onMemory(s.dir)
	if err == nil && !inMemory {
		err = mountMemory(s.dir)
	}
	if err != nil {
		return err
	}
	return os.MkdirAll(filepath.Join(s.dir, id), 0o700)
}

// Tidy takes away the tmpfs of the store's own, when nothing is in it.
func (s Store) Tidy(ctx context.Context) (err error) {
	if mounted, err := isMount(s.dir); err != nil || !mounted {
		return err
	}
	lock, err := flock.Acquire(ctx, s.lock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	names, err := s.Names()
	if err != nil || len(names) > 0 {
		return err
	}
	mounted, err := isMount(s.dir)
	if err != nil || !mounted { // somebody else was first
		return err
	}
	return unix.Unmount(s.dir, unix.MNT_DETACH)
}

// onMemory tells whether a folder is on a file system that is in memory.
func onMemory(dir string) (bool, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return false, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return st.Type == unix.TMPFS_MAGIC || st.Type == unix.RAMFS_MAGIC, nil
}

// mountMemory mounts a tmpfs, which is not swapped to a disk where the kernel can
// do that (6.4).
func mountMemory(dir string) error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	options := []string{"mode=0700", "noswap"}
	err := unix.Mount("tmpfs", dir, "tmpfs", flags, strings.Join(options, ","))
	if errors.Is(err, unix.EINVAL) {
		err = unix.Mount("tmpfs", dir, "tmpfs", flags, options[0])
	}
	if err != nil {
		return fmt.Errorf("mounting a tmpfs at %s: %w", dir, err)
	}
	return nil
}

// isMount tells whether something is mounted at a folder, which need not be there.
func isMount(dir string) (bool, error) {
	var own, parent unix.Stat_t
	err := unix.Lstat(dir, &own)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = unix.Lstat(filepath.Dir(dir), &parent)
	}
	if err != nil {
		return false, &fs.PathError{Op: "lstat", Path: dir, Err: err}
	}
	return own.Dev != parent.Dev, nil
}
