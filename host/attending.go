package host

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/planner"
)

// Attend keeps others from removing a container that is to be removed when it ends,
// until what is returned is closed, or this process ends: somebody is about to ask how
// it ended. It is a lock on the container's folder.
func (h *Host) Attend(id string) (*os.File, error) {
	f, err := os.Open(h.cfg.Paths.Container(id))
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// attended tells whether somebody attends to the container.
func (h *Host) attended(id string) (bool, error) {
	f, err := os.Open(h.cfg.Paths.Container(id))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, f.Close()
	}
	return false, errors.Join(err, f.Close())
}

// leftOver tells whether the container is of no use to anybody, see
// planner.Observed. The caller has the project's lock: what is made now is not seen.
func (h *Host) leftOver(c planner.Container) (bool, error) {
	switch {
	case c.Spec.Role != "" && !c.Spec.OneOff():
		return true, nil
	case c.Spec.OneOff() && c.State == planner.StateCreated, c.Spec.Temporary && c.State == planner.StateExited:
		busy, err := h.attended(c.ID)
		return !busy, err
	}
	return false, nil
}

// removeTemporary removes a container that has ended and is to be removed then,
// unless somebody attends to it, who does that.
func (h *Host) removeTemporary(ctx context.Context, id string) error {
	c, err := h.containerd.Container(ctx, id)
	switch {
	case errdefs.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	if !c.Record.Spec.Temporary || h.state(c).state != planner.StateExited {
		return nil
	}
	if busy, err := h.attended(id); busy || err != nil {
		return err
	}
	return h.RemoveContainer(ctx, id)
}
