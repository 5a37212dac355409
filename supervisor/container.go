package supervisor

import (
	"context"
	"sync"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
)

// phase is where a container is in its life, as far as it is known here.
type phase int

const (
	// absent: nothing is known of it, nothing is held for it.
	absent phase = iota
	// starting: what it needs is held; its process has not been seen yet.
	starting
	// running: its process has been seen.
	running
	// ended: its process is gone, what was held has been let go, and the runtime
	// is cleaning up behind it.
	ended
)

// container is the state machine of one container. What happens to it is one
// method an event; each leaves it in a phase in which every other event makes
// sense. A container without a place on the network has no holding in any
// phase.
type container struct {
	mu    sync.Mutex
	gone  bool // it has been absent, and is in the supervisor's map no more
	phase phase
	// since is the time of the last hold.
	since time.Time
	// run counts what happened: who comes back from a long task
	// sees whether it is still about the same.
	run  int
	held *holding
}

// hold: somebody is about to start the container. What cannot be held fails all
// of it, unless it was held before.
func (c *container) hold(ctx context.Context, n names, e endpoint.Endpoint) (endpoint.Endpoint, error) {
	before := c.held
	if err := c.prepare(n, e, time.Now()); err != nil {
		return e, err
	}
	if err := c.held.open(ctx); err != nil {
		if c.held != before {
			c.released()
		}
		return e, err
	}
	return c.held.endpoint, nil
}

// restore: the container was attached at since, by its record. What can be held
// is; the rest may be tried again.
func (c *container) restore(ctx context.Context, n names, e endpoint.Endpoint, since time.Time) error {
	if err := c.prepare(n, e, since); err != nil {
		return err
	}
	return c.held.open(ctx)
}

// prepare makes e the endpoint that is held, with nothing open yet unless it
// was before.
func (c *container) prepare(n names, e endpoint.Endpoint, since time.Time) error {
	if c.held != nil {
		same, err := c.held.covers(e)
		if err != nil {
			return err
		}
		if !same {
			c.letGo()
		}
	}
	if c.held == nil {
		c.held = newHolding(n, e)
	}
	c.phase, c.since = starting, since
	c.run++
	return nil
}

// seen: the container's process lives.
func (c *container) seen() {
	if c.phase != running {
		c.phase = running
		c.run++
	}
}

// exited: the container's process ended at the given time, and no other one
// lives. An exit from before the last hold is an old story. It reports whether
// there is something to clean up.
func (c *container) exited(at time.Time) bool {
	if c.phase == ended || c.phase == starting && at.Before(c.since) {
		return false
	}
	c.end()
	return true
}

// missing: the container's process does not live. One that is starting may
// when it has been held since after the given time. It reports whether there is
// something to clean up.
func (c *container) missing(heldBefore time.Time) bool {
	if c.phase != running && (c.phase != starting || c.since.After(heldBefore)) {
		return false
	}
	c.end()
	return true
}

// released: whoever started the container wants nothing held any more, or the
// runtime has cleaned up behind it.
func (c *container) released() {
	c.phase = absent
	c.run++
	c.letGo()
}

func (c *container) end() {
	c.phase = ended
	c.run++
	c.letGo()
}

func (c *container) letGo() {
	if c.held != nil {
		c.held.Close()
		c.held = nil
	}
}
