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

// Empty tells whether the volume holds nothing.
func (s *Store) Empty(name string) (bool, error) {
	data, err := s.Data(name)
	if err != nil {
		return false, err
	}
	return empty(data)
}

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
	if is, err := empty(data); err != nil || !is {
		return err
	}
	from, err := securejoin.SecureJoin(rootfs, path)
	if err != nil {
		return err
	}
	if fi, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) || err == nil && !fi.IsDir() {
		return nil
	} else if err != nil {
		return err
	}
	// Complete or not at all: an interrupted copy must not look like content.
	tmp := data + ".filling"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	err = copyfs.CopyDir(tmp, from, copyfs.WithAllowXAttrErrors())
	// Copying knows no cancellation; what it made of a cancelled one is dropped.
	if err := errors.Join(err, ctx.Err()); err != nil {
		return errors.Join(fmt.Errorf("filling volume/%s from the image's %s: %w", name, path, err), os.RemoveAll(tmp))
	}
	// Not os.Rename, which refuses a folder as its target, even an empty one.
	return unix.Rename(tmp, data)
}
