package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/cgroup"
)

// stopGrace is how long containerd may take to end before it is killed.
const stopGrace = 10 * time.Second

// Stop ends our own containerd and removes its sockets and cgroups. That it
// does not run is no error. Containers that run go on, with their shims, and
// keep their cgroups and sockets; the next containerd takes them over.
func Stop(ctx context.Context, c Config) error {
	if c.Foreign() {
		return fmt.Errorf("stopping containerd at %s: %w", c.Address, ErrForeign)
	}
	if os.Geteuid() != 0 {
		return ErrNotRoot
	}
	if _, err := os.Stat(c.Paths.State); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(c.stop(ctx), lock.Unlock()); err != nil {
		return fmt.Errorf("stopping containerd: %w", err)
	}
	return nil
}

func (c Config) stop(ctx context.Context) error {
	pids, err := findProcesses(c.configFile())
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := c.end(ctx, pid); err != nil {
			return wrapPid(err, pid)
		}
	}
	return errors.Join(c.clean(), cgroup.Remove(c.Paths.CgroupParent()))
}

// end ends one process, and returns when all of it has: a process that is about
// to end has no command line any more and still is in its cgroup.
func (c Config) end(ctx context.Context, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0) // this very process, not its number
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	process := os.NewFile(uintptr(fd), "pidfd")
	defer process.Close()
	if stillThere(pid, c.configFile()) != nil {
		return nil
	}
	deadline := time.Now().Add(stopGrace)
	for signal := unix.SIGTERM; ; signal = unix.SIGKILL {
		if err := unix.PidfdSendSignal(fd, signal, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
		ended, err := waitUntil(ctx, fd, deadline)
		if ended || err != nil {
			return err
		}
		deadline = time.Now().Add(stopGrace)
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

// clean removes the sockets on which nobody listens any more, the folders that
// are empty then, and the configuration file.
func (c Config) clean() error {
	socket, dir := c.Paths.EngineSocket(), socketDir(c.Paths)
	dead := []string{socket, ttrpcOf(socket)}
	shims, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range shims {
		if path := filepath.Join(dir, e.Name()); !listening(path) {
			dead = append(dead, path)
		}
	}
	var failed []error
	for _, path := range append(dead, c.configFile()) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
	}
	for _, path := range []string{dir, shortDir(c.Paths)} {
		err := unix.Rmdir(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTEMPTY) {
			failed = append(failed, &fs.PathError{Op: "rmdir", Path: path, Err: err})
		}
	}
	return errors.Join(failed...)
}

// listening tells whether a process has the socket open.
func listening(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return !errors.Is(err, unix.ECONNREFUSED)
	}
	return conn.Close() == nil
}
