package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/flock"
)

// What is kept has two folders of the same: one that is read, and one that containers
// get to see.
const (
	filesFolder  = "files"
	mountsFolder = "mounts"
)

// Names in the folder of a kind, while something is fetched. What is kept has no dot.
const (
	lockSuffix = ".lock"
	partSuffix = ".part"
)

// keep returns the folder of what is kept of an ID, and has it filled when there is none.
// It is there whole or not at all: it gets its name when all of it is on the disk. Others
// that want the same wait for it.
func (f *Files) keep(ctx context.Context, kind, id string, fill func(dir string) error) (dir string, err error) {
	base := filepath.Join(f.Dir, kind)
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", fmt.Errorf("keeping what is fetched: %w", err)
	}
	for _, folder := range []string{f.Dir, base} {
		if err := ownFolder(folder); err != nil {
			return "", err
		}
	}
	if dir = filepath.Join(base, id); there(dir) {
		return dir, nil
	}
	hold := filepath.Join(base, "."+id+lockSuffix)
	lock, err := flock.Acquire(ctx, hold)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.Remove(hold), lock.Unlock()) }()
	if there(dir) {
		return dir, nil
	}
	part := filepath.Join(base, "."+id+partSuffix)
	defer func() { err = errors.Join(err, os.RemoveAll(part)) }()
	if err := os.RemoveAll(part); err != nil {
		return "", err
	}
	if err := makeFolders(part); err != nil {
		return "", err
	}
	if err := fill(part); err != nil {
		return "", err
	}
	if err := onDisk(part); err != nil {
		return "", err
	}
	if err := os.Rename(part, dir); err != nil {
		return "", err
	}
	return dir, sweep(base)
}

// ownFolder refuses a folder in which somebody else could have put what is taken for fetched.
func ownFolder(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("what is fetched is kept in %s, which is not a folder of this user alone: somebody else may have put files there; remove it, or set XDG_CACHE_HOME", dir)
	}
	return nil
}

func makeFolders(part string) error {
	for _, name := range []string{filesFolder, mountsFolder} {
		if err := os.MkdirAll(filepath.Join(part, name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// there tells whether something is kept, and notes that it was asked for.
func there(dir string) bool {
	now := time.Now()
	return os.Chtimes(dir, now, now) == nil
}

// onDisk waits until what is in a folder is written.
func onDisk(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(d.Fd())), d.Close())
}

// sweep removes what killed commands have left half done.
func sweep(base string) error {
	entries, err := os.ReadDir(base)
	if err != nil {
		return err
	}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), partSuffix)
		if !ok {
			continue
		}
		hold := filepath.Join(base, id+lockSuffix)
		lock, err := flock.Try(hold)
		if errors.Is(err, flock.ErrLocked) {
			continue // its command is at it
		}
		if err != nil {
			return err
		}
		err = errors.Join(os.RemoveAll(filepath.Join(base, e.Name())), os.Remove(hold), lock.Unlock())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
