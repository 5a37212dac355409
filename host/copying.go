package host

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/transfer"
)

// Files calls do with the root folder of a container as the container sees it,
// with what is mounted there, whether it runs or not. It is not started meanwhile. One
// that runs can be stopped: that ends the context. What do does with a path must not
// leave the folder, whatever the container does at the same time: package transfer is for
// that.
func (h *Host) Files(ctx context.Context, id string, do func(ctx context.Context, root *os.File) error) error {
	lock, err := h.lockContainer(ctx, id)
	if err != nil {
		return err
	}
	unlock := sync.OnceValue(lock.Unlock)
	defer unlock()
	c, err := h.containerd.Container(ctx, id)
	if err != nil {
		return err
	}
	if c.Running() {
		copies, err := flock.Share(ctx, h.copyLock(id))
		if err != nil {
			return err
		}
		err = h.withView(ctx, c, func(root *os.File) error {
			return errors.Join(unlock(), whileRuns(ctx, c.Pid, func(ctx context.Context) error { return do(ctx, root) }))
		})
		return errors.Join(err, copies.Unlock())
	}
	// What it mounts is there while it runs only.
	mounts := slices.Concat(c.Record.Spec.Mounts, c.Record.Taken)
	if err = h.useVolumes(ctx, id, mounts); err == nil {
		if err = h.stage(ctx, c); err == nil {
			err = h.withView(ctx, c, func(root *os.File) error { return do(ctx, root) })
		}
	}
	return errors.Join(err, h.unstage(id), h.volumes.Release(id))
}

func (h *Host) withView(ctx context.Context, c containerd.Container, do func(root *os.File) error) error {
	v, err := h.containerd.View(ctx, c)
	if err != nil {
		return err
	}
	return errors.Join(do(v.Root), v.Close())
}

// Export writes the container's own files as a tar archive: without what is
// mounted there.
func (h *Host) Export(ctx context.Context, id string, w io.Writer) error {
	root, err := h.containerd.Rootfs(ctx, id)
	if err != nil {
		return err
	}
	defer root.Close()
	dir, err := os.Open(root.Path())
	if err != nil {
		return err
	}
	return errors.Join(transfer.PackAll(w, dir), dir.Close())
}

// Commit is an image to be made from a container.
type Commit struct {
	images.Commit
	// Pause: the container does nothing meanwhile.
	Pause bool
}

// Commit makes an image of a container. The image is kept by the lease of ctx
// until it is whole.
func (h *Host) Commit(ctx context.Context, id string, commit Commit) (img images.Image, err error) {
	lock, err := h.lockContainer(ctx, id)
	if err != nil {
		return img, err
	}
	defer lock.Unlock()
	c, err := h.containerd.Container(ctx, id)
	if err != nil {
		return img, err
	}
	if commit.Pause && c.State == planner.StateRunning {
		if err := h.PauseContainer(ctx, id); err != nil && !errors.Is(err, executor.ErrNotRunning) {
			return img, err
		}
		defer func() {
			if e := h.UnpauseContainer(context.WithoutCancel(ctx), id); !errors.Is(e, executor.ErrNotRunning) {
				err = errors.Join(err, e)
			}
		}()
	}
	commit.Container, commit.Digest, commit.Spec = id, c.Record.ImageDigest, c.Record.Spec
	return h.images.For(c.Record.Spec.Platform).Commit(ctx, commit.Commit)
}
