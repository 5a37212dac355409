package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Missing returns the folders that a cgroup would need, in every hierarchy, and
// that are not there.
func Missing(path string) ([]string, error) {
	mounts, err := hierarchies()
	if err != nil {
		return nil, err
	}
	return missing(mounts, path)
}

func missing(mounts []string, path string) ([]string, error) {
	var dirs []string
	for _, dir := range mounts {
		for _, name := range strings.Split(strings.Trim(path, "/"), "/") {
			dir = filepath.Join(dir, name)
			_, err := os.Stat(dir)
			if errors.Is(err, fs.ErrNotExist) {
				dirs = append(dirs, dir)
			} else if err != nil {
				return nil, err
			}
		}
	}
	return dirs, nil
}

// RemoveDirs removes folders that Missing returned, those below others before
// them. Those with processes or other cgroups in them are left.
func RemoveDirs(dirs []string) (left bool, err error) {
	for _, dir := range dirs {
		err := unix.Rmdir(dir)
		switch {
		case err == nil, errors.Is(err, unix.ENOENT):
		case errors.Is(err, unix.EBUSY), errors.Is(err, unix.ENOTEMPTY):
			left = true
		default:
			return true, &fs.PathError{Op: "rmdir", Path: dir, Err: err}
		}
	}
	return left, nil
}
