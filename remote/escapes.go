package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// removeEscapes removes the links below root that lead out of it, by themselves or through
// others, and returns them: "data -> /etc".
func removeEscapes(root string) (removed []string, err error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("looking for links in %s: %w", root, err)
	}
	defer func() { err = errors.Join(err, unix.Close(dir)) }()
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink == 0 {
			return err
		}
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if !escapes(dir, name, target) {
			return nil
		}
		removed = append(removed, name+" -> "+target)
		return os.Remove(path)
	})
	return removed, err
}

// escapes tells whether a link leads out of the open folder root. What leads nowhere yet
// counts by its text.
func escapes(root int, name, target string) bool {
	if filepath.IsAbs(target) || !filepath.IsLocal(filepath.Join(filepath.Dir(name), target)) {
		return true
	}
	fd, err := unix.Openat2(root, name, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ELOOP) && !errors.Is(err, unix.ENOTDIR)
	}
	return unix.Close(fd) != nil
}
