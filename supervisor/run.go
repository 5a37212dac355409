package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/paths"
)

const (
	// gcPercent and memoryLimit (bytes) trade processor time, of which a
	// supervisor needs little, for memory, which all of its host pay for.
	gcPercent   = 50
	memoryLimit = 48 << 20
	// handover is how long another supervisor that does not answer may hold the
	// lock: one that is about to leave.
	handover = 15 * time.Second
)

// ErrRunning: another supervisor serves this layout.
var ErrRunning = errors.New("a supervisor is already running")

// Run is the life of a supervisor. It returns ErrRunning when there is one
// already, and nil when ctx ended, which leaves everything as it is for the
// next supervisor, or when nothing is left to do.
func Run(ctx context.Context, cfg Config) error {
	lock, err := alone(ctx, cfg.Paths)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))

	s := newSupervisor(cfg.withDefaults())
	err = s.run(ctx)
	if errors.Is(err, errLeaving) {
		return s.cfg.Runtime.Shutdown(ctx)
	}
	return err
}

// alone takes the lock that there is one of per layout. While somebody has it
// who does not answer, it waits.
func alone(ctx context.Context, p paths.Paths) (*flock.Lock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, handover,
		fmt.Errorf("another supervisor holds %s but does not answer", lockFile(p)))
	defer cancel()
	client := NewClient(p)
	defer client.Close()
	for delay := time.Millisecond; ; delay = min(2*delay, firstDelay) {
		lock, err := flock.Try(lockFile(p))
		if !errors.Is(err, flock.ErrLocked) {
			return lock, err
		}
		if _, err := client.Status(ctx); err == nil {
			return nil, ErrRunning
		}
		if !pause(ctx, delay) {
			return nil, context.Cause(ctx)
		}
	}
}

func lockFile(p paths.Paths) string { return filepath.Join(p.Locks(), "supervisor") }

// run serves until ctx ends or there is nothing left to do. Names and ports
// come first, from the records: they do not wait for the engine. Who connects
// finds them served.
func (s *supervisor) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer s.work.Wait()
	defer s.closeAll()
	defer cancel()
	if err := s.restore(ctx); err != nil {
		return err
	}
	listener, err := listen(s.cfg.Paths.SupervisorSocket())
	if err != nil {
		return err
	}
	s.work.Go(func() {
		s.cfg.Runtime.Guard(ctx, func(err error) { s.tell(ctx, "guarding the networks", err) })
	})
	s.work.Go(func() {
		s.cfg.Runtime.Tend(ctx, func(err error) { s.tell(ctx, "tending the builder", err) })
	})
	s.work.Go(s.changeCgroup) // it waits for the kernel, and nobody for it
	server := &http.Server{
		Handler:     s.handler(),
		ConnState:   s.connection,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.report.log.Handler(), slog.LevelError),
	}
	served := make(chan error, 1)
	go func() {
		served <- server.Serve(listener)
		cancel()
	}()
	err = s.watch(ctx)
	err = errors.Join(err, os.Remove(s.cfg.Paths.SupervisorSocket()), server.Close())
	if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serving %s: %w", s.cfg.Paths.SupervisorSocket(), serr))
	}
	return err
}

// changeCgroup leaves the starter's cgroup as far as possible: one that it stays
// in is no harm until the starter's session ends.
func (s *supervisor) changeCgroup() {
	if s.cfg.Cgroup == "" {
		return
	}
	if err := cgroup.Enter(s.cfg.Cgroup, os.Getpid()); err != nil {
		s.report.log.Warn("staying in a cgroup of the starter", "reason", err)
	}
}

// listen puts a socket where clients look for it, in place of one that a dead
// supervisor left there.
func listen(path string) (net.Listener, error) {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listening for clients: %w", err)
	}
	l.SetUnlinkOnClose(false)
	err = os.Chmod(fresh, 0o600)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(fresh))
	}
	return l, nil
}
