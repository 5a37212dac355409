package supervisor

import (
	"context"
	"errors"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/supervisor/keep"
)

// userStart starts a container as the command line does.
func (f *fakeRuntime) userStart(ctx context.Context, id string) error {
	defer f.lock(id)()
	f.mu.Lock()
	running, before := f.get(id).Running, f.get(id).StartedAt
	f.mu.Unlock()
	if running {
		return nil
	}
	if err := f.kept.Write(id, keep.Record{ID: id, Since: time.Now(), Before: before}); err != nil {
		return err
	}
	err := f.start(ctx, id)
	if err != nil {
		err = errors.Join(err, f.kept.Remove(id))
	}
	return err
}

// userStop stops a container as the command line does.
func (f *fakeRuntime) userStop(id string) error {
	defer f.lock(id)()
	if err := f.kept.Remove(id); err != nil {
		return err
	}
	f.mu.Lock()
	running, server := f.get(id).Running, f.server
	f.mu.Unlock()
	if running {
		f.exitWith(id, 143)
	}
	server.with(id, func(c *container) {
		if c.released(); c.lives() {
			server.ask(id)
		}
	})
	return endpoint.Remove(server.cfg.Paths.Endpoints(), id)
}

// keep notes that the user wants the container to run.
func (b *bed) keep(id string) {
	b.t.Helper()
	record := keep.Record{ID: id, Since: time.Now()}
	b.fake.set(func() {
		if c := b.fake.containers[id]; c != nil {
			record.Before = c.StartedAt
		}
	})
	if err := b.fake.kept.Write(id, record); err != nil {
		b.t.Fatal(err)
	}
}
