package supervisor

import (
	"context"
	"sync"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/supervisor/keep"
)

// task is what is being done for a container, by one goroutine.
type task int

const (
	noTask task = iota
	cleaningUp
	restarting
	stopping
)

// container is the state machine of one container. What happens to it is one
// method an event; each leaves it in a phase in which every other event makes
// sense, and with at most one duty. A container without a place on the network
// has no holding in any phase.
type container struct {
	id     string
	number func() int // of the next run

	mu   sync.Mutex
	gone bool // it has been absent, and is in the supervisor's map no more
	// changes counts what happened: who comes back from a long task sees
	// whether it is still about the same.
	changes int

	phase Phase
	// since is the time of the last hold. restored: it is from a record, and
	// whoever asked for it may be dead.
	since    time.Time
	restored bool
	held     *holding

	// info and kept are what the runtime and package keep said when it was
	// looked at; kept is nil when there is no record.
	info Container
	kept *keep.Record

	runs      int // the number of the last run
	startedAt time.Time
	exitedAt  time.Time
	exitCode  int
	restarts  int

	// Of the phases ended and restarting: whether the last run has to be cleaned
	// up behind, and whether the record in keep is to go. Of restarting: the
	// record of the next start, when, and why.
	dirty     bool
	giveUp    bool
	next      keep.Record
	restartAt time.Time
	reason    string
	// failed is why an attempt to start it again failed, until the container has
	// been looked at.
	failed error

	task task
	// retryAt and delay are when and after what time a task that failed is done
	// again; asked: it is going to be looked at.
	retryAt time.Time
	delay   time.Duration
	asked   bool

	checkup  *checkup // nil: nothing is checked
	probe    *probe   // nil: none is under way
	awaiters int
	awaited  time.Time // since when anybody awaits its health
	turnout  *turnout  // nil: it does not run

	published summary
	attend    time.Time // guarded by the supervisor's mutex, with due
	due       bool
}

// hold: somebody is about to start the container. What cannot be held fails all
// of it, unless it was held before.
func (c *container) hold(ctx context.Context, n names, e endpoint.Endpoint) (endpoint.Endpoint, error) {
	before := c.held
	if err := c.prepare(n, e, time.Now()); err != nil {
		return e, err
	}
	c.restored = false
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
	c.restored = true
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
	c.held.rest(e.Resting)
	c.enter(PhaseStarting)
	c.since = since
	return nil
}

// released: whoever started or stopped the container wants nothing held any
// more. That is no start any more, and no start again; but when the supervisor
// itself is at it, its task says how that ends. A process that was seen is
// looked for: how it ended is not known yet.
func (c *container) released() {
	c.letGo()
	c.changes++
	if c.task == restarting || c.task == stopping || c.lives() {
		return
	}
	c.enter(PhaseAbsent)
}

// close: the supervisor ends. The container goes on.
func (c *container) close() {
	c.letGo()
	c.dropProbe()
	c.enter(PhaseAbsent)
}

// enter begins a phase, with nothing of the one before.
func (c *container) enter(p Phase) {
	c.phase = p
	c.changes++
	c.dirty, c.giveUp, c.asked = false, false, false
	c.reason, c.retryAt, c.delay = "", time.Time{}, 0
	if p != PhaseRunning && p != PhasePaused {
		c.checkup = nil
		c.endTurnout()
	}
}

// lives says whether its process has been seen and not seen to end.
func (c *container) lives() bool { return c.phase == PhaseRunning || c.phase == PhasePaused }

func (c *container) letGo() {
	if c.held != nil {
		c.held.Close()
		c.held = nil
	}
}

// cleanedUp: the runtime has cleaned up, or not, behind what the container was
// at the given change.
func (c *container) cleanedUp(change int, now time.Time, err error) {
	c.task = noTask
	switch {
	case c.phase != PhaseEnded && c.phase != PhaseRestarting || !c.dirty:
	case err != nil:
		c.retry(now)
	case c.changes != change: // another run has ended meanwhile
	case c.phase == PhaseEnded:
		c.enter(PhaseAbsent)
	default:
		c.dirty, c.retryAt, c.delay = false, time.Time{}, 0
		c.changes++
	}
}

// restarted: the runtime has started the container again, or not. Either way it
// is looked at next: only then is it decided what follows.
func (c *container) restarted(now time.Time, err error) {
	c.task = noTask
	c.changes++
	c.failed = err
	switch {
	case c.lives(): // its start was seen
		c.failed = nil
	case err != nil && c.held != nil:
		// The user is starting it, or what this attempt held was not let go: which
		// of the two, the record says. It stays held for the one meanwhile.
		c.failed, c.restored = nil, true
	case err == nil:
		c.enter(PhaseStarting)
		c.since, c.restored = now, true
	default:
		c.phase = PhaseRestarting
	}
	c.asked = true
}

// stopped: the runtime has ended the process of a container that is unhealthy,
// or not. It is looked at next.
func (c *container) stopped(now time.Time) {
	c.task = noTask
	c.changes++
	if c.lives() {
		c.retry(now)
	}
}

func (c *container) retry(now time.Time) {
	c.delay = longer(c.delay)
	c.retryAt = now.Add(c.delay)
}

// status is what is told of it.
func (c *container) status() ContainerStatus {
	s := ContainerStatus{
		ID: c.id, Name: c.info.Name, Project: c.info.Project, Service: c.info.Service, Replica: c.info.Replica,
		Phase: c.phase, Runs: c.runs, StartedAt: c.startedAt, ExitedAt: c.exitedAt, ExitCode: c.exitCode,
		Restarts: c.restarts,
	}
	if s.Name == "" && c.held != nil {
		s.Name, s.Project, s.Service = c.held.endpoint.Name, c.held.endpoint.Project, c.held.endpoint.Service
	}
	if c.phase == PhaseRestarting {
		s.RestartAt, s.Reason = c.restartAt, c.reason
	}
	if c.checkup != nil {
		state := c.checkup.tracker.State
		s.Health = &state
	}
	return s
}

// summary is what of a status is worth telling when it changes.
type summary struct {
	phase     Phase
	runs      int
	restarts  int
	exitedAt  time.Time
	restartAt time.Time
	reason    string
	health    health.Status
}

func (c *container) summary() summary {
	s := summary{phase: c.phase, runs: c.runs, restarts: c.restarts, exitedAt: c.exitedAt}
	if c.phase == PhaseRestarting {
		s.restartAt, s.reason = c.restartAt, c.reason
	}
	if c.checkup != nil {
		s.health = c.checkup.tracker.Status
	}
	return s
}
