package remote

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gocompose/gocompose/internal/diskuse"
	"github.com/gocompose/gocompose/internal/flock"
)

// Kept is a copy that is kept, of whatever is in it.
type Kept struct {
	Dir  string    // below Files.Dir: "git/<commit>", "oci/<digest>"
	Used time.Time // when a command has last asked for it
	Size int64     // in allocated bytes
	// Mounted: a process of this host, as of a container, has something of it mounted.
	Mounted bool
}

// Path is where it is.
func (f *Files) Path(k Kept) string { return filepath.Join(f.Dir, k.Dir) }

// Kept returns all copies, sorted by their folders.
func (f *Files) Kept(ctx context.Context) ([]Kept, error) {
	dirs, err := filepath.Glob(filepath.Join(f.Dir, "*", "[^.]*"))
	if err != nil || len(dirs) == 0 {
		return nil, err
	}
	mounted, err := mountedRoots()
	if err != nil {
		return nil, err
	}
	var all []Kept
	for _, dir := range dirs {
		k := Kept{Dir: strings.TrimPrefix(dir, f.Dir+"/")}
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sizes, err := diskuse.Of(ctx, dir, func(string) string { return "" })
		if err != nil {
			return nil, err
		}
		k.Used, k.Size = info.ModTime(), sizes[""]
		k.Mounted = strings.Contains(mounted, "/"+k.Dir+"/"+mountsFolder)
		all = append(all, k)
	}
	return all, nil
}

// mountedRoots are the paths, in their file systems, of what processes of this host have
// mounted (proc_pid_mountinfo(5)), as lines. Of others' processes nothing is known without
// being root.
func mountedRoots() (string, error) {
	tables, err := filepath.Glob("/proc/[0-9]*/mountinfo")
	if err != nil {
		return "", err
	}
	var roots strings.Builder
	for _, table := range tables {
		text, err := os.ReadFile(table)
		if err != nil {
			continue // it has ended, or is another user's
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 3 {
				roots.WriteString(fields[3] + "\n")
			}
		}
	}
	return roots.String(), nil
}

// Remove takes a copy away, unless a command has asked for it since it was looked at, and
// tells whether it has.
func (f *Files) Remove(k Kept) (gone bool, err error) {
	dir := f.Path(k)
	part := filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+partSuffix)
	hold := strings.TrimSuffix(part, partSuffix) + lockSuffix
	lock, err := flock.Try(hold)
	if errors.Is(err, flock.ErrLocked) {
		return false, nil // it is being fetched again
	}
	if err != nil {
		return false, err
	}
	info, err := os.Stat(dir)
	if err == nil && info.ModTime().Equal(k.Used) {
		if err = os.Rename(dir, part); err == nil { // half of it would be taken for whole
			gone, err = true, os.RemoveAll(part)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return gone, errors.Join(err, os.Remove(hold), lock.Unlock())
}
