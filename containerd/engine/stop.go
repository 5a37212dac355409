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
	if err := c.server().End(ctx, stopGrace); err != nil {
		return err
	}
	return errors.Join(c.clean(), cgroup.Remove(c.Paths.CgroupParent()))
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
