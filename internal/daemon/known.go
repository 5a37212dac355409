package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrEnded: the process is gone.
var ErrEnded = errors.New("ended")

// Known is how a daemon is known in the process table: by the name of its program,
// by all of its arguments, and by being our user's.
type Known struct {
	Name string
	Args []string
}

// Find returns the IDs of the living processes that are the daemon, lowest first:
// one, or none.
func (k Known) Find() ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && k.lives(pid) == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// lives returns nil when the process is the daemon, else ErrEnded. Of a dead process
// that nobody has collected, the command line is empty.
func (k Known) lives(pid int) error {
	dir := fmt.Sprintf("/proc/%d", pid)
	cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil || !k.is(cmdline) {
		return ErrEnded
	}
	info, err := os.Stat(dir)
	if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		return ErrEnded
	}
	return nil
}

// is knows a command line as /proc shows it, with a zero byte after each word.
func (k Known) is(cmdline []byte) bool {
	words := bytes.Split(bytes.TrimSuffix(cmdline, []byte{0}), []byte{0})
	if len(words) != 1+len(k.Args) || filepath.Base(string(words[0])) != k.Name {
		return false
	}
	for i, arg := range k.Args {
		if string(words[1+i]) != arg {
			return false
		}
	}
	return true
}

// End ends the daemon, whatever processes it has: by SIGTERM, and what has not ended
// after the grace by SIGKILL. It returns when they have gone; none is no error.
func (k Known) End(ctx context.Context, grace time.Duration) error {
	pids, err := k.Find()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := k.end(ctx, pid, grace); err != nil {
			return wrapPid(err, pid)
		}
	}
	return nil
}

// end ends one process, and returns when all of it has: a process that is about
// to end has no command line any more and still is in its cgroup.
func (k Known) end(ctx context.Context, pid int, grace time.Duration) error {
	fd, err := unix.PidfdOpen(pid, 0) // this very process, not its number
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	process := os.NewFile(uintptr(fd), "pidfd")
	defer process.Close()
	if k.lives(pid) != nil {
		return nil
	}
	deadline := time.Now().Add(grace)
	for signal := unix.SIGTERM; ; signal = unix.SIGKILL {
		if err := unix.PidfdSendSignal(fd, signal, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
		ended, err := waitUntil(ctx, fd, deadline)
		if ended || err != nil {
			return err
		}
		deadline = time.Now().Add(grace)
	}
}

// waitUntil returns true when the process of a pidfd has ended, which makes it
// readable (pidfd_open(2)), and false when it has not by the deadline.
func waitUntil(ctx context.Context, pidfd int, deadline time.Time) (ended bool, err error) {
	const slice = 20 // milliseconds between two looks at ctx
	for time.Now().Before(deadline) {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, slice)
		switch {
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case err != nil && !errors.Is(err, unix.EINTR):
			return false, err
		case n > 0:
			return true, nil
		}
	}
	return false, nil
}

func wrapPid(err error, pid int) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("process %d: %w", pid, err)
}
