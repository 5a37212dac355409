package supervisor

import (
	"context"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/supervisor/health"
)

const (
	// firstListen and lastListen bound the time between two looks whether a
	// container listens; it doubles from one to the next.
	firstListen = 5 * time.Millisecond
	lastListen  = 500 * time.Millisecond
	// listenTime is how long a container that rests may take to listen. From then
	// on it takes part in its ports all the same: perhaps it is one that listens
	// only now and then.
	listenTime = 30 * time.Second
)

// turnout is how one run of a container comes to take part in the fixed ports
// that other replicas of its service have too.
//
// With a health check it takes part when it is healthy, and rests when it is
// unhealthy. Without one, a run that rests takes part as soon as it listens.
type turnout struct {
	cancel context.CancelFunc // of what is being done; nil: nothing is
	since  time.Time          // of the first look whether it listens
	ready  bool               // it listens, or has had its time
	// at is before what time nothing is done, delay how long ago that was decided.
	at    time.Time
	delay time.Duration
}

// endTurnout gives up what is being done: its result is about nothing any more.
func (c *container) endTurnout() {
	if c.turnout != nil && c.turnout.cancel != nil {
		c.turnout.cancel()
	}
	c.turnout = nil
}

// turnoutDue returns when something is to be done about the part that the
// container takes in its ports.
func (c *container) turnoutDue() (time.Time, bool) {
	t := c.turnout
	if t == nil || t.cancel != nil || c.held == nil || !hasFixed(c.held.endpoint.Ports) {
		return time.Time{}, false
	}
	rests := c.held.endpoint.Resting
	if c.checkup == nil {
		return t.at, rests // as long as it does it is looked at
	}
	wanted, known := c.wantsRest()
	return t.at, known && wanted != rests
}

// wantsRest says whether the container should rest. While that is not known it
// goes on as it does.
func (c *container) wantsRest() (rest, known bool) {
	if c.checkup == nil {
		return false, c.turnout.ready
	}
	switch c.checkup.tracker.Status {
	case health.Healthy:
		return false, true
	case health.Unhealthy:
		return true, true
	}
	return false, false
}

// turnOut does the next thing about the part that the container takes in its
// ports. The caller has its lock.
func (s *supervisor) turnOut(ctx context.Context, c *container) {
	ctx, cancel := context.WithCancel(ctx)
	t, held := c.turnout, c.held
	t.cancel = cancel
	rest, known := c.wantsRest()
	tcp := fixedTCP(held.endpoint.Ports)
	switch path := held.endpoint.Netns; {
	case known:
		s.work.Go(func() { s.rest(ctx, c, t, rest) })
	case len(tcp) == 0:
		t.over()
		t.ready = true
	default:
		s.work.Go(func() {
			// What cannot be looked into does not listen; it may go on to be so.
			listens, err := s.cfg.Listening(path, tcp)
			s.on(c, func(c *container) {
				t.over()
				t.listened(time.Now(), listens && err == nil)
			})
		})
	}
}

// rest has the runtime, and what is held, let the container rest or take part.
func (s *supervisor) rest(ctx context.Context, c *container, t *turnout, rest bool) {
	err := s.cfg.Runtime.Rest(ctx, c.id, rest)
	s.tell(ctx, sharing+c.id, err)
	s.on(c, func(c *container) {
		t.over()
		switch {
		case err != nil:
			t.again(time.Now(), longer(t.delay))
		case c.turnout == t && c.held != nil: // it is still about this run
			t.again(time.Time{}, 0)
			c.held.rest(rest)
		}
	})
}

// over: nothing is being done any more.
func (t *turnout) over() {
	t.cancel()
	t.cancel = nil
}

// listened: it has been looked whether the container listens.
func (t *turnout) listened(now time.Time, listens bool) {
	if t.since.IsZero() {
		t.since = now
	}
	if listens || now.Sub(t.since) >= listenTime {
		t.ready = true
		t.again(time.Time{}, 0)
		return
	}
	t.again(now, min(max(2*t.delay, firstListen), lastListen))
}

func (t *turnout) again(now time.Time, delay time.Duration) {
	t.at, t.delay = now.Add(delay), delay
}

func hasFixed(all []endpoint.Port) bool {
	for _, p := range all {
		if p.Fixed() {
			return true
		}
	}
	return false
}

// fixedTCP returns the ports in the container that fixed ones of TCP lead to.
func fixedTCP(all []endpoint.Port) (targets []uint16) {
	for _, p := range all {
		if p.Fixed() && p.Protocol == "tcp" {
			targets = append(targets, p.Target)
		}
	}
	return targets
}
