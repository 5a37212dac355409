package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/paths"
)

// Stop ends the supervisor of a layout and returns when its process has gone;
// one that is just being started, too. None is no error. Containers go on; their
// shims start it again.
func Stop(ctx context.Context, p paths.Paths) error {
	if err := stop(ctx, p); err != nil {
		return fmt.Errorf("stopping the supervisor: %w", err)
	}
	return nil
}

func stop(ctx context.Context, p paths.Paths) error {
	starting, err := flock.Acquire(ctx, startLock(p)) // who is at it finishes first
	if err != nil {
		return err
	}
	defer starting.Unlock()
	c := NewClient(p)
	defer c.Close()
	for delay := firstLook; ; delay = min(2*delay, lastLook) {
		s, err := c.Status(ctx)
		if err == nil {
			return terminate(ctx, s.Pid)
		}
		if !errors.Is(err, ErrNotRunning) {
			return err
		}
		// One that has the lock does not answer yet, or not any more.
		lock, err := flock.Try(lockFile(p))
		if err == nil {
			return lock.Unlock()
		}
		if !errors.Is(err, flock.ErrLocked) {
			return err
		}
		if !pause(ctx, delay) {
			return context.Cause(ctx)
		}
	}
}

// terminate asks a process to end and waits until it has.
func terminate(ctx context.Context, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(fd)
	err = unix.PidfdSendSignal(fd, unix.SIGTERM, nil, 0)
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return os.NewSyscallError("pidfd_send_signal", err)
	}
	for ctx.Err() == nil {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(pollSlice.Milliseconds()))
		if n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
	return context.Cause(ctx)
}

// pollSlice is how long a wait for a process goes on before it is looked
// whether somebody still waits.
const pollSlice = 100 * time.Millisecond
