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
	work sync.WaitGroup // of begin

	mu      sync.Mutex
	client  *supervisor.Client
	started bool
}

func newLazySupervisor(cfg Config) *lazySupervisor {
	return &lazySupervisor{cfg: cfg, client: supervisor.NewClient(cfg.Paths)}
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
	return c.Hold(ctx, e)
}

func (l *lazySupervisor) ensure(ctx context.Context) (*supervisor.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started {
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

// Release lets go of what is held for the container, if anything is.
func (l *lazySupervisor) Release(ctx context.Context, id string) error {
	l.mu.Lock()
	c := l.client
	l.mu.Unlock()
	return c.Release(ctx, id)
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
