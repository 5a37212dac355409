package transfer

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Remove takes away what is at the place, a folder with all that is in it, but
// nothing that is mounted there. A link at the end of the path is taken away
// itself. Nothing there is no error.
func Remove(at Place) error {
	dir, name := split(at.Path)
	if name == "" {
		return at.named(unix.EINVAL)
	}
	parent, err := Place{at.Root, dir}.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(at.named(remove(parent, name)), parent.Close())
}

// remove takes away what has the name in the folder.
func remove(dir *os.File, name string) error {
	mounted, err := mountedOn(dir, name)
	if err != nil {
		return err
	}
	if mounted {
		return unix.EBUSY
	}
	err = unix.Unlinkat(int(dir.Fd()), name, 0)
	if err == unix.ENOENT {
		return nil
	}
	if err != unix.EISDIR {
		return err
	}
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	names, err := f.Readdirnames(-1)
	for _, n := range names {
		if err == nil {
			err = remove(f, n)
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return unix.Unlinkat(int(dir.Fd()), name, unix.AT_REMOVEDIR)
}

// mountedOn tells whether something is mounted on what has the name in the folder.
// To replace it, or to take it away, would take away the mount: the kernel protects
// those of the own mount namespace only, and the folder is of a container's.
func mountedOn(dir *os.File, name string) (bool, error) {
	var there unix.Statx_t
	err := unix.Statx(int(dir.Fd()), name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, unix.STATX_BASIC_STATS, &there)
	if err == unix.ENOENT {
		return false, nil
	}
	if err != nil || there.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return there.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, err
	}
	// Before Linux 5.8 by the device, which can be another on an overlay too.
	st, err := stat(dir)
	return err == nil && unix.Mkdev(there.Dev_major, there.Dev_minor) != st.Dev, err
}

// OnHost returns an absolute path of the host as a place. The caller closes the
// root.
func OnHost(path string) (Place, error) {
	root, err := os.Open("/")
	return Place{root, path}, err
}
