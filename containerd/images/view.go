package images

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/containerd"
)

// View calls do with a folder that shows the files of img, to be read. The
// folder is good in this process until do returns: nobody else sees it mounted,
// and nothing of it stays, however the process ends.
func (s *Store) View(ctx context.Context, img Image, do func(root string) error) (err error) {
	ctx = quietly(ctx)
	ctx, end, err := s.raw.WithLease(ctx)
	if err != nil {
		return fmt.Errorf("reading image %s: %w", img.Ref, err)
	}
	clean := context.WithoutCancel(ctx)
	defer func() { err = errors.Join(err, end(clean)) }()

	snapshots := s.snapshots
	key := "view-" + rand.Text()
	mounts, err := snapshots.View(ctx, key, img.ChainID)
	if err != nil {
		return notHere(img.Ref, err)
	}
	defer func() {
		if e := snapshots.Remove(clean, key); !errdefs.IsNotFound(e) {
			err = errors.Join(err, e)
		}
	}()
	return viewMounts(img.Ref, mounts, do)
}

func viewMounts(ref string, mounts []mount.Mount, do func(root string) error) (err error) {
	root, err := containerd.OpenMounts(mounts)
	if err != nil {
		return fmt.Errorf("reading image %s: %w", ref, err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return do(root.Path())
}
