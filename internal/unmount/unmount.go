// Package unmount takes away what is mounted at a path.
package unmount

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// All takes away all that is mounted at path itself, as often as something is. It
// goes for everybody who looks for it there; who has it open, or elsewhere, keeps
// it, so nobody stands in the way. Nothing there is no error, and a link is not
// followed.
func All(path string) error {
	for {
		err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if err != nil {
			return &fs.PathError{Op: "unmount", Path: path, Err: err}
		}
	}
}
