package host

import (
	"context"
	"sync"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/supervisor"
)

// lazySupervisor is the supervisor of this host, started by the first container
// that needs it, or by begin.
type lazySupervisor struct {
	cfg  Config
	self bool           // it is this process
	work sync.WaitGroup // of begin

	mu      sync.Mutex
	client  *supervisor.Client
	started bool
}

func newLazySupervisor(cfg Config) *lazySupervisor {
	return &lazySupervisor{cfg: cfg, client: supervisor.NewClient(cfg.Paths)}
}

// ownSupervisor is what the supervisor itself asks for what commands ask it for
// too. It is not started again, and no connection to it stays open: it would not
// leave then.
func ownSupervisor(cfg Config) *lazySupervisor {
	l := newLazySupervisor(cfg)
	l.self = true
	return l
}

// begin has it started while the command does something else. The supervisor is
// who ends our own engine, also one that a command has started which only looks.
func (l *lazySupervisor) begin(ctx context.Context) {
	l.work.Go(func() {
		_, _ = l.ensure(ctx) // who needs it asks again, and hears what is wrong
	})
}

// Hold has the container's names answered and its ports held.
func (l *lazySupervisor) Hold(ctx context.Context, e endpoint.Endpoint) (endpoint.Endpoint, error) {
	c, err := l.ensure(ctx)
	if err != nil {
		return e, err
	}
	defer l.asked(c)
	return c.Hold(ctx, e)
}

func (l *lazySupervisor) ensure(ctx context.Context) (*supervisor.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started || l.self {
		return l.client, nil
	}
	c, err := supervisor.Ensure(ctx, l.cfg.Paths, supervisorCommand(l.cfg))
	if err != nil {
		return nil, err
	}
	l.client.Close()
	l.client, l.started = c, true
	return c, nil
}

// startTries is how often a supervisor is started that dies at once: what has
// killed one may have killed its successor too.
const startTries = 3

// again is ensure for who has found that the supervisor is gone.
func (l *lazySupervisor) again(ctx context.Context) (c *supervisor.Client, err error) {
	l.mu.Lock()
	l.started = false
	l.mu.Unlock()
	for range startTries {
		if c, err = l.ensure(ctx); err == nil || ctx.Err() != nil {
			break
		}
	}
	return c, err
}

// current returns a client of the supervisor, whether one runs or not.
func (l *lazySupervisor) current() *supervisor.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.client
}

// Release lets go of what is held for the container, if anything is.
func (l *lazySupervisor) Release(ctx context.Context, id string) error {
	c := l.current()
	defer l.asked(c)
	return c.Release(ctx, id)
}

func (l *lazySupervisor) asked(c *supervisor.Client) {
	if l.self {
		c.Close()
	}
}

// Close ends the connection.
func (l *lazySupervisor) Close() {
	l.work.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client.Close()
}

// supervisorCommand is how gocompose starts itself as the supervisor.
func supervisorCommand(cfg Config) []string {
	argv := []string{cfg.Program}
	if cfg.Address != "" {
		argv = append(argv, "--address", cfg.Address)
	}
	return append(argv, "supervisor")
}
