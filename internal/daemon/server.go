package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	readyTimeout = 30 * time.Second
	maxOutput    = 2048 // bytes of the daemon's log in an error
)

// Server is a daemon that serves gRPC at a socket.
type Server struct {
	Known
	Socket string
	Log    string // the file that it writes to
}

// Ensure has the server answer. When it does not, a process of it is waited for,
// and without one, what prepare returns is started. The caller holds the lock
// under which alone it is started.
func (s Server) Ensure(ctx context.Context, prepare func() (Command, error)) error {
	if _, err := Probe(ctx, s.Socket); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout,
		fmt.Errorf("it does not answer after %v; its log is %s", readyTimeout, s.Log))
	defer cancel()
	// One that lives has the root: a second could not open it. It is starting, or
	// hangs.
	pids, err := s.Find()
	if err != nil {
		return err
	}
	if len(pids) > 0 {
		err := s.await(ctx, func() error { return s.lives(pids[0]) })
		if !errors.Is(err, ErrEnded) {
			return wrapPid(err, pids[0])
		}
	}
	command, err := prepare()
	if err != nil {
		return err
	}
	return s.start(ctx, command)
}

func (s Server) start(ctx context.Context, command Command) error {
	process, err := command.Start()
	if err != nil {
		return err
	}
	err = s.await(ctx, func() error {
		select {
		case <-process.Exited():
			return ErrEnded
		default:
			return nil
		}
	})
	if !errors.Is(err, ErrEnded) {
		return wrapPid(err, process.Pid)
	}
	output, err := process.Output(maxOutput)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s ended at its start (%w); the end of its log %s:\n%s",
		command.Path, process.Err(), command.Log, strings.TrimSpace(output))
}

// await returns nil once the server answers, what ended returns once that is an
// error, or the end of ctx.
func (s Server) await(ctx context.Context, ended func() error) error {
	const shortest, longest = time.Millisecond, 50 * time.Millisecond
	for pause := shortest; ; pause = min(2*pause, longest) {
		over := ended()
		if _, err := Probe(ctx, s.Socket); err == nil {
			return nil
		}
		if over != nil {
			return over
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}
