// Package diskuse measures what folders take on their disk.
package diskuse

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// blockSize is the unit of st_blocks, whatever the file system's own blocks are
// (stat(3type)).
const blockSize = 512

// file is one file, however many names it has.
type file struct{ device, inode uint64 }

// Skip is the class of what does not count and is not looked at, nor what is in it.
const Skip = "\x00"

// Of returns the allocated bytes below root, as du has them: files with several
// names count once, holes do not. They are summed up by what class makes of a
// path from root. Of file systems that are mounted below root only those count
// that are mounted right in it. What vanishes meanwhile does not count.
func Of(ctx context.Context, root string, class func(path string) string) (map[string]int64, error) {
	sums := map[string]int64{}
	seen := map[file]bool{}
	devices := map[string]uint64{} // of root and of what is right in it
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
		name := class(rel)
		if name == Skip && d.IsDir() {
			return fs.SkipDir
		}
		if name == Skip {
			return nil
		}
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		first, _, deep := strings.Cut(rel, "/")
		if !deep {
			devices[first] = stat.Dev
		} else if stat.Dev != devices[first] {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.IsDir() && stat.Nlink > 1 {
			id := file{stat.Dev, stat.Ino}
			if seen[id] {
				return nil
			}
			seen[id] = true
		}
		sums[name] += stat.Blocks * blockSize
		return nil
	})
	return sums, err
}
