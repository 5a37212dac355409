package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/paths"
)

// Stop ends the supervisor of a layout and returns when its process has gone.
// None running is no error. Containers go on; their shims start it again.
func Stop(ctx context.Context, p paths.Paths) error {
	c := NewClient(p)
	defer c.Close()
	s, err := c.Status(ctx)
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err == nil {
		err = terminate(ctx, s.Pid)
	}
	if err != nil {
		return fmt.Errorf("stopping the supervisor: %w", err)
	}
	return nil
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
