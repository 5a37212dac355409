package supervisor

import (
	"cmp"
	"time"

	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/supervisor/keep"
)

// killed is the exit code of a process whose end nobody saw: it was killed
// together with its shim.
const killed = 128 + 9

// view is what was seen when a container was looked at.
type view struct {
	at    time.Time
	there bool // there is such a container
	info  Container
	kept  *keep.Record // nil: there is none
	// health is what an earlier supervisor knew of the last run's health; nil:
	// nothing.
	health *health.Tracker
	// exited: that it ended is why it was looked at.
	exited bool
	grace  time.Duration // Config.StartGrace
}

// isOfThisStart says whether the last run is of the user's start that the record
// is of, or of a restart after that. If it is not, the user has just begun.
func (v view) isOfThisStart() bool {
	return v.there && v.kept != nil && v.kept.Covers(v.info.StartedAt)
}

// observe: the container was looked at. What it was then is what it is, unless
// something has happened since, of which its changes tell.
func (c *container) observe(v view) {
	c.asked = false
	c.kept = v.kept
	if v.there {
		c.info = v.info
	}
	if v.there && v.info.Running {
		c.observeLiving(v)
	} else if c.task != restarting { // else it is looked at again when that is over
		c.observeDead(v)
	}
}

func (c *container) observeLiving(v view) {
	started := v.info.StartedAt
	if !c.lives() && (started.IsZero() || c.runs > 0 && started.Equal(c.startedAt)) {
		beginning := c.phase == PhaseStarting && v.at.Before(c.since.Add(v.grace)) || c.task == restarting
		if beginning {
			return // the process has been made; it has not been started
		}
		started = cmp.Or(started, v.at)
	}
	if !c.lives() || !started.IsZero() && !started.Equal(c.startedAt) {
		c.begin(started, v)
	}
	switch {
	case v.info.Paused && c.phase != PhasePaused:
		c.phase = PhasePaused
		c.changes++
		c.dropProbe()
	case !v.info.Paused && c.phase == PhasePaused:
		c.phase = PhaseRunning
		c.changes++
		if c.checkup != nil {
			c.checkup.run.ResumedAt = v.at
		}
	}
}

// begin: a run has been seen to live.
func (c *container) begin(started time.Time, v view) {
	c.enter(PhaseRunning)
	c.failed = nil
	c.restarts = 0
	switch {
	case c.task == restarting:
		c.restarts = c.next.Restarts
	case v.kept != nil:
		c.restarts = v.kept.Restarts
	}
	if c.runs == 0 || !started.Equal(c.startedAt) {
		c.count(started)
	}
	c.dropProbe()
	c.checkup = newCheckup(c.id, started, v)
	c.endTurnout()
	c.turnout = new(turnout)
}

// count gives a run that has not been seen before its number.
func (c *container) count(started time.Time) {
	c.runs = c.number()
	c.startedAt = started
}

// observeDead: no process of the container lives.
func (c *container) observeDead(v view) {
	unseen := v.there && !v.info.StartedAt.IsZero() && !v.info.StartedAt.Equal(c.startedAt)
	switch c.phase {
	case PhaseRunning, PhasePaused:
		c.end(v)
	case PhaseStarting:
		switch {
		case unseen && !v.info.StartedAt.Before(c.since): // a run that was short
			c.end(v)
		case c.restored && v.isOfThisStart(): // who restarted it has died
			c.end(v)
		case !v.at.Before(c.since.Add(v.grace)):
			c.abandon(v)
		}
	case PhaseRestarting:
		switch {
		case !v.there || v.kept == nil || unseen && v.isOfThisStart() || c.failed != nil && v.isOfThisStart():
			c.end(v)
		case !v.isOfThisStart():
			c.expect(v)
		}
	case PhaseEnded:
		if unseen && (v.exited || v.isOfThisStart()) {
			c.end(v)
		}
	default: // absent
		switch {
		case v.isOfThisStart() || v.exited && v.kept == nil && (unseen || c.runs == 0):
			c.end(v)
		case v.kept != nil && v.there:
			c.expect(v)
		case v.kept != nil:
			c.abandon(v)
		}
	}
}

// expect: the user has just begun to start the container.
func (c *container) expect(v view) {
	c.letGo()
	c.enter(PhaseStarting)
	c.failed = nil
	c.since, c.restored = v.kept.Since, true
	if c.since.After(v.at) {
		c.since = v.at
	}
}

// abandon: what was to be started has not been.
func (c *container) abandon(v view) {
	c.letGo()
	c.dropProbe()
	c.failed = nil
	c.finish(v)
}

// finish: it has ended for good, or has never begun.
func (c *container) finish(v view) {
	c.enter(PhaseEnded)
	c.dirty = true
	c.giveUp = v.kept != nil
	c.next = keep.Record{}
}

// end: a run is over, or an attempt at one.
func (c *container) end(v view) {
	e := c.ending(v)
	c.letGo()
	c.dropProbe()
	was := keep.Record{}
	if v.kept != nil {
		was = *v.kept
		if e.failed != nil {
			// Of an attempt that was cut short the record says nothing.
			was.Delay = max(was.Delay, c.next.Delay)
		}
		c.restarts = was.Restarts
	}
	c.failed = nil
	next, again := nextStart(c.info.Restart, was, e)
	if v.kept == nil || !v.there || !again {
		c.finish(v)
		return
	}
	c.enter(PhaseRestarting)
	c.dirty = e.failed == nil
	c.next, c.reason = next, e.reason()
	base := v.at
	if e.failed == nil {
		base = c.exitedAt
	}
	c.restartAt = base.Add(next.Delay)
	if c.restartAt.Before(v.at) {
		c.restartAt = v.at
	}
	if latest := v.at.Add(next.Delay); c.restartAt.After(latest) { // the clock was turned back
		c.restartAt = latest
	}
}

// ending notes how the last run went and returns it.
func (c *container) ending(v view) ending {
	if c.failed != nil {
		return ending{failed: c.failed}
	}
	tracker := v.health
	if c.checkup != nil {
		tracker = &c.checkup.tracker
	}
	if v.there && (c.runs == 0 || !v.info.StartedAt.IsZero() && !v.info.StartedAt.Equal(c.startedAt)) {
		c.count(v.info.StartedAt)
		tracker = v.health
	}
	e := ending{code: v.info.ExitCode, unseen: v.info.ExitedAt.IsZero()}
	c.exitedAt = v.info.ExitedAt
	if e.unseen {
		c.exitedAt = v.at
		e.code = cmp.Or(e.code, killed)
	}
	c.exitCode = e.code
	if !c.startedAt.IsZero() {
		e.length = c.exitedAt.Sub(c.startedAt)
	}
	e.unhealthy = c.info.Restart.Unhealthy && tracker != nil && tracker.Status == health.Unhealthy
	return e
}
