package host

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/supervisor/health"
)

// handOverLook is the time between two looks whether somebody has taken over.
const handOverLook = 20 * time.Millisecond

// handOverTime is for who is on the way and never gets there: whoever stops a
// container wants it stopped.
const handOverTime = time.Minute

// handOver is called before a container is stopped. Of replicas that share host
// ports, the last one that takes part in them goes on until another does, if one
// that runs is still on its way to: that listens, or is healthy. One that turns
// out unhealthy, ends, or is stopped too is not waited for.
func (h *Host) handOver(ctx context.Context, id string) error {
	if h.goingDown {
		return nil
	}
	tick, limit := time.NewTicker(handOverLook), time.NewTimer(handOverTime)
	defer tick.Stop()
	defer limit.Stop()
	for {
		if waits, err := h.nobodyYet(id); err != nil || !waits {
			return err
		}
		select {
		case <-tick.C:
		case <-limit.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// nobodyYet tells whether nobody else takes part in the ports of a container, and
// somebody is on the way to. What has ended has no record any more.
func (h *Host) nobodyYet(id string) (bool, error) {
	dir := h.cfg.Paths.Endpoints()
	e, err := endpoint.Read(dir, id)
	if errors.Is(err, endpoint.ErrNotFound) {
		return false, nil
	}
	fixed := func(p endpoint.Port) bool { return p.Fixed() }
	if err != nil || e.Resting || e.Project == "" || !slices.ContainsFunc(e.Ports, fixed) {
		return false, err
	}
	all, err := endpoint.List(dir)
	comes := false
	for _, o := range all {
		if o.ID == id || o.Project != e.Project || o.Service != e.Service || exists(h.stoppedPath(o.ID)) {
			continue
		}
		if !o.Resting {
			return false, err
		}
		comes = comes || !h.unhealthy(o.ID)
	}
	return comes, err
}

// unhealthy tells whether a container has been found to be so since it runs.
func (h *Host) unhealthy(id string) bool {
	r, err := health.In(h.cfg.Paths.Health()).Read(id)
	if err != nil || r.Status != health.Unhealthy {
		return false
	}
	l, err := h.recorded(id)
	return err == nil && r.StartedAt.Equal(l.StartedAt)
}
