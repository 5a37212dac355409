// Package unmount takes away what is mounted at a path.
package unmount

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// All takes away all that is mounted at path itself, as often as something is.
// Nothing there is no error.
func All(path string) error {
	for {
		err := One(path)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// One takes away the uppermost mount at path with all that lies below it. It goes
// for everybody who looks for it there; who has it open, or elsewhere, keeps it,
// so nobody stands in the way. What lies below it comes with a shared mount from
// where that is mounted too, and stays there: it is made private before.
func One(path string) error {
	err := unix.Mount("", path, "", unix.MS_PRIVATE|unix.MS_REC, "")
	if err == nil {
		err = unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	}
	if err != nil {
		return &fs.PathError{Op: "unmount", Path: path, Err: err}
	}
	return nil
}

// Below takes away all that is mounted at dir and below it, as One does. Nothing there is
// no error.
func Below(dir string) error {
	dir, err := filepath.EvalSymlinks(dir) // as the kernel has it
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for err == nil {
		var found []*mountinfo.Info
		found, err = mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
		if err != nil || len(found) == 0 {
			break
		}
		err = One(found[len(found)-1].Mountpoint)
	}
	return err
}
