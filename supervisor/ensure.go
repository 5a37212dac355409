package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gocompose/gocompose/internal/daemon"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/paths"
)

const (
	// startLimit is how long a supervisor may take to answer: one before it may
	// need as long as handover to leave.
	startLimit = handover + 5*time.Second
	// firstLook and lastLook bound the time between two looks whether it does.
	firstLook = time.Millisecond
	lastLook  = 50 * time.Millisecond
	// maxOutput bounds what of its log is shown when it does not, in bytes.
	maxOutput = 2 << 10
)

// Ensure returns a client of a supervisor that answers. When there is none it
// starts one, as a process of its own: argv is the program's absolute path and
// its arguments. The client does the same when it needs one later.
func Ensure(ctx context.Context, p paths.Paths, argv []string) (*Client, error) {
	c := NewClient(p)
	c.start = func(ctx context.Context) error { return c.ensure(ctx, p, argv) }
	if _, err := c.Status(ctx); err == nil {
		return c, nil
	}
	if err := c.start(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// ensure starts a supervisor unless one answers. One caller at a time does so,
// the others find it started.
func (c *Client) ensure(ctx context.Context, p paths.Paths, argv []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit,
		fmt.Errorf("it does not answer after %v; its log is %s", startLimit, p.SupervisorLog()))
	defer cancel()
	lock, err := flock.Acquire(ctx, startLock(p))
	if err == nil {
		err = errors.Join(c.launch(ctx, p, argv), lock.Unlock())
	}
	if err != nil {
		return fmt.Errorf("starting the supervisor: %w", err)
	}
	return nil
}

// startLock is held by who starts a supervisor.
func startLock(p paths.Paths) string { return filepath.Join(p.Locks(), "supervisor-start") }

// launch starts the program until a supervisor answers. A program that ends
// well has found another one, which may be just leaving.
func (c *Client) launch(ctx context.Context, p paths.Paths, argv []string) error {
	if err := os.MkdirAll(p.State, 0o700); err != nil {
		return err
	}
	var process *daemon.Process
	for delay := firstLook; ; delay = min(2*delay, lastLook) {
		if _, err := c.Status(ctx); err == nil {
			return nil
		}
		if process == nil {
			var err error
			if process, err = start(p, argv); err != nil {
				return err
			}
		}
		if !pause(ctx, delay) {
			return context.Cause(ctx)
		}
		select {
		case <-process.Exited():
			if process.Err() != nil {
				return diagnosis(p, process)
			}
			process = nil
		default:
		}
	}
}

func start(p paths.Paths, argv []string) (*daemon.Process, error) {
	return daemon.Command{
		Path: argv[0],
		Args: argv[1:],
		Env:  environ(p, os.Environ()),
		Log:  p.SupervisorLog(),
	}.Start()
}

// diagnosis says why a supervisor ended that should have begun.
func diagnosis(p paths.Paths, process *daemon.Process) error {
	output, err := process.Output(maxOutput)
	if err != nil {
		return errors.Join(process.Err(), err)
	}
	return fmt.Errorf("it ended at once (%w); the end of its log %s:\n%s",
		process.Err(), p.SupervisorLog(), strings.TrimSpace(output))
}

// environ returns the supervisor's environment: the layout, our own settings,
// where programs are, and what Go programs are debugged with. Everything else
// stays with the starter, whose secrets and service manager are not its own. A
// shim that starts it has no more either.
func environ(p paths.Paths, starter []string) []string {
	var env []string
	for _, v := range starter {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case name == "GOCOMPOSE_ROOT", name == "GOCOMPOSE_STATE":
		case strings.HasPrefix(name, "GOCOMPOSE_"),
			slices.Contains([]string{"PATH", "TZ", "CONTAINERD_ADDRESS", "GODEBUG", "GOTRACEBACK", "GOCOVERDIR"}, name):
			env = append(env, v)
		}
	}
	return append(env, "GOCOMPOSE_ROOT="+p.Root, "GOCOMPOSE_STATE="+p.State)
}
