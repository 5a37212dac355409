package host

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/flock"
)

// errEnded: a container has ended while its files were copied.
var errEnded = errors.New("it has ended meanwhile")

// copyLock is shared by those who work with the files of a container that runs. They
// take it under the container's lock, and let go of that: the container can be stopped
// meanwhile, which ends what they do. Who starts or removes it waits for that, since a
// snapshot must not be mounted twice.
func (h *Host) copyLock(id string) string { return h.containerLock(id) + ".copying" }

// awaitCopies returns when nobody works with the files of the container, which has ended.
// The caller has its lock, so nobody begins to.
func (h *Host) awaitCopies(ctx context.Context, id string) error {
	path := h.copyLock(id)
	if !exists(path) {
		return nil
	}
	lock, err := flock.Acquire(ctx, path)
	if err != nil {
		return fmt.Errorf("waiting for who copies its files: %w", err)
	}
	return errors.Join(removeIfThere(path), lock.Unlock())
}

// whileRuns calls do until the process has ended, which ends its context.
func whileRuns(ctx context.Context, pid int, do func(context.Context) error) error {
	process, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return errEnded
	}
	if err != nil {
		return fmt.Errorf("watching process %d: %w", pid, err)
	}
	defer unix.Close(process)
	done, over, err := os.Pipe()
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var group errgroup.Group
	group.Go(func() error {
		defer done.Close()
		fds := []unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}, {Fd: int32(done.Fd()), Events: unix.POLLIN}}
		for {
			_, err := unix.Poll(fds, -1)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if fds[0].Revents != 0 { // it is readable when it has ended (pidfd_open(2))
				end(errEnded)
			}
			return err
		}
	})
	err = do(ctx)
	if errors.Is(context.Cause(ctx), errEnded) && err != nil {
		err = errEnded
	}
	return errors.Join(err, over.Close(), group.Wait())
}
