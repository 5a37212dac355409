package volumes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	copyfs "github.com/containerd/continuity/fs"
	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"
)

// What of a filling lies beside the content: a copy that is being made, and one
// that is complete and being moved in.
const (
	filling = content + ".filling"
	filled  = content + ".filled"
	// In what is mounted on the content: what is copied there and not whole yet.
	arriving = ".gocompose-filling"
)

// Empty tells whether the volume holds nothing, or not yet all that it is being
// filled with.
func (s *Store) Empty(name string) (bool, error) {
	data, err := s.Data(name)
	if err != nil {
		return false, err
	}
	return unfilled(data)
}

func unfilled(data string) (bool, error) {
	if _, err := os.Lstat(beside(data, filled)); !errors.Is(err, fs.ErrNotExist) {
		return err == nil, err
	}
	return empty(data)
}

func beside(data, name string) string { return filepath.Join(filepath.Dir(data), name) }

func empty(dir string) (bool, error) {
	d, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	defer d.Close()
	_, err = d.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return false, err
}

// Fill copies what the image has at path, below rootfs, into the volume: once,
// and only while the volume is empty. Owners, modes and extended attributes
// come along, the folder's own too, as with Docker. An image that has no folder
// there leaves the volume as it is.
func (s *Store) Fill(ctx context.Context, name, rootfs, path string) (err error) {
	data, err := s.Data(name)
	if err != nil {
		return err
	}
	unlock, err := lock(filepath.Dir(data))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if is, err := unfilled(data); err != nil || !is {
		return err
	}
	if errors.Is(unix.Access(data, unix.W_OK), unix.EROFS) {
		return nil // mounted so: it has what it has
	}
	whole := beside(data, filled)
	if _, err := os.Lstat(whole); errors.Is(err, fs.ErrNotExist) {
		if made, err := copyOut(ctx, rootfs, path, whole); err != nil || !made {
			return wrap(err, name, path)
		}
	} else if err != nil {
		return err
	}
	return wrap(moveIn(whole, data), name, path)
}

func wrap(err error, name, path string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("filling volume/%s from the image's %s: %w", name, path, err)
}

// copyOut copies the folder at path to whole: completely or not at all, an
// interrupted copy must not look like content. It tells whether there is such a
// folder.
func copyOut(ctx context.Context, rootfs, path, whole string) (bool, error) {
	from, err := securejoin.SecureJoin(rootfs, path)
	if err != nil {
		return false, err
	}
	if fi, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) || err == nil && !fi.IsDir() {
		return false, nil
	} else if err != nil {
		return false, err
	}
	tmp := beside(whole, filling)
	if err := os.RemoveAll(tmp); err != nil {
		return false, err
	}
	err = copyfs.CopyDir(tmp, from, copyfs.WithAllowXAttrErrors())
	// Copying knows no cancellation; what it made of a cancelled one is dropped.
	if err := errors.Join(err, ctx.Err()); err != nil {
		return false, errors.Join(err, os.RemoveAll(tmp))
	}
	return true, os.Rename(tmp, whole)
}

// moveIn moves what is in whole into data, which stays the folder it is: running
// containers may have it mounted. What they have put there meanwhile stays. Into
// what is mounted on data it is copied before: nothing can be moved there.
func moveIn(whole, data string) error {
	mounted, err := mountedOn(data)
	if err != nil {
		return err
	}
	if mounted {
		// Containers write where it is copied to, while it is.
		err = apart(beside(data, filling), whole, data, func() error { return copyIn(apartFrom, apartTo) })
	} else {
		err = moveAll(whole, data)
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(whole)
}

func copyIn(whole, data string) error {
	from := filepath.Join(data, arriving)
	if err := os.RemoveAll(from); err != nil {
		return err
	}
	if err := copyfs.CopyDir(from, whole, copyfs.WithAllowXAttrErrors()); err != nil {
		return err
	}
	if err := moveAll(from, data); err != nil {
		return err
	}
	return os.RemoveAll(from)
}

func moveAll(from, data string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(from, e.Name())
		err := rename(path, filepath.Join(data, e.Name()))
		if errors.Is(err, unix.EEXIST) {
			err = os.RemoveAll(path)
		}
		if err != nil {
			return err
		}
	}
	// Of the folder, empty now: its owner, mode and attributes.
	return copyfs.CopyDir(data, from, copyfs.WithAllowXAttrErrors())
}

// rename moves what is at from, unless there is something at to: then the error
// is EEXIST. Where the file system cannot do both at once it is looked at before.
func rename(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return unix.EEXIST
	}
	return os.Rename(from, to)
}
