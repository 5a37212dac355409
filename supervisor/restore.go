package supervisor

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gocompose/gocompose/networks/endpoint"
)

// restore holds what is recorded as attached, as far as it can be. The rest is
// tried again for as long as it is wanted: the world outside of containers must
// not keep the names from being answered.
func (s *supervisor) restore(ctx context.Context) error {
	ids, err := endpoint.IDs(s.cfg.Paths.Endpoints())
	if err != nil {
		return fmt.Errorf("looking for what is attached: %w", err)
	}
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, id := range ids {
		group.Go(func() error {
			s.restoreRecord(ctx, id)
			return nil
		})
	}
	return group.Wait()
}

// restoreRecord holds what one record says. A record that cannot be read is a
// problem of that container alone.
func (s *supervisor) restoreRecord(ctx context.Context, id string) {
	subject := "endpoint " + id
	e, err := endpoint.Read(s.cfg.Paths.Endpoints(), id)
	if err != nil {
		s.report.set(subject, err)
		return
	}
	since, err := endpoint.WrittenAt(s.cfg.Paths.Endpoints(), id)
	if now := time.Now(); err != nil || since.After(now) {
		since = now
	}
	var held *holding
	s.with(id, func(c *container) {
		err = c.restore(ctx, s.names, e, since)
		held = c.held
	})
	s.report.set(subject, err)
	if err != nil {
		s.work.Go(func() { s.retry(ctx, id, held) })
	}
}

// retry opens what could not be opened, until all is or nobody wants it.
func (s *supervisor) retry(ctx context.Context, id string, held *holding) {
	subject := "endpoint " + id
	for delay := firstDelay; pause(ctx, delay); delay = longer(delay) {
		var err error
		over := false
		s.with(id, func(c *container) {
			if over = c.held != held; !over {
				err = held.open(ctx)
			}
		})
		s.report.set(subject, err)
		if over || err == nil {
			return
		}
	}
}
