package supervisor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/supervisor/keep"
)

// What is reported of a container that something cannot be done for: these
// words and its ID.
const (
	cleaning = "cleaning up behind "
	restarts = "restarting "
	stops    = "stopping "
	probes   = "probing "
	looks    = "looking at "
	sharing  = "sharing the ports of "
)

// errInterrupted is why an attempt failed during which the engine died.
var errInterrupted = errors.New("the engine went away meanwhile")

// nextDue returns when something has to be done for the container, if anything
// has: what that is, perform says.
func (c *container) nextDue(grace time.Duration) (time.Time, bool) {
	if c.task != noTask {
		return time.Time{}, false
	}
	switch c.phase {
	case PhaseStarting:
		return c.since.Add(grace), !c.asked
	case PhaseRunning:
		if c.mustStop() {
			return c.retryAt, true
		}
		return sooner(c.probeDue, c.turnoutDue)
	case PhaseRestarting:
		if c.dirty {
			return c.retryAt, true
		}
		return c.restartAt, c.failed == nil
	case PhaseEnded:
		return c.retryAt, true
	}
	return time.Time{}, false
}

// sooner returns when the first of two things is due, if any is.
func sooner(a, b func() (time.Time, bool)) (time.Time, bool) {
	first, due := a()
	if at, too := b(); too && (!due || at.Before(first)) {
		return at, true
	}
	return first, due
}

func (c *container) probeDue() (time.Time, bool) {
	k := c.checkup
	if k == nil || k.queued || c.probe != nil {
		return time.Time{}, false
	}
	at := k.tracker.Due(k.run, c.awaited)
	if at.Before(k.retryAt) {
		at = k.retryAt
	}
	return at, true
}

// mustStop says whether the container is to be stopped because it is unhealthy:
// only if it may be started again then.
func (c *container) mustStop() bool {
	k := c.checkup
	if k == nil || k.tracker.Status != health.Unhealthy || !c.info.Restart.Unhealthy || c.kept == nil {
		return false
	}
	length := k.tracker.Regular.Sub(k.run.StartedAt) // as far as it is known to have lasted
	_, again := nextStart(c.info.Restart, *c.kept, ending{unhealthy: true, length: length})
	return again
}

// act does what is due, and returns when the next thing is, if any is known.
func (s *supervisor) act(ctx context.Context) (time.Time, bool) {
	now := time.Now()
	for _, c := range s.takeDue(now) {
		s.on(c, func(c *container) { s.perform(ctx, c, now) })
	}
	s.beginProbes(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next, s.due
}

// takeDue returns the containers that are due, and notes when the next one is.
func (s *supervisor) takeDue(now time.Time) (due []*container) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.due || now.Before(s.next) {
		return nil
	}
	s.due = false
	for _, c := range s.containers {
		switch {
		case !c.due:
		case !c.attend.After(now):
			c.due = false
			due = append(due, c)
		case !s.due || c.attend.Before(s.next):
			s.next, s.due = c.attend, true
		}
	}
	return due
}

// perform does what has become due for a container, whose lock the caller has.
func (s *supervisor) perform(ctx context.Context, c *container, now time.Time) {
	if at, due := c.nextDue(s.cfg.StartGrace); !due || at.After(now) {
		return
	}
	switch {
	case c.phase == PhaseStarting:
		c.asked = true
		s.ask(c.id)
	case c.phase == PhaseRestarting && !c.dirty:
		c.task = restarting
		next := c.next
		s.work.Go(func() { s.restart(ctx, c, next) })
	case c.phase == PhaseRestarting, c.phase == PhaseEnded:
		c.task = cleaningUp
		var giveUp *keep.Record
		if c.giveUp {
			giveUp = c.kept
		}
		change := c.changes
		s.work.Go(func() { s.cleanUp(ctx, c, change, giveUp) })
	case c.mustStop():
		c.task = stopping
		run := c.startedAt
		s.work.Go(func() { s.stop(ctx, c, run) })
	default:
		if at, due := c.probeDue(); due && !at.After(now) {
			s.queueProbe(c)
		}
		if at, due := c.turnoutDue(); due && !at.After(now) {
			s.turnOut(ctx, c)
		}
	}
}

// cleanUp has the runtime clean up behind a container, and give up the record,
// if there is one that is to go.
func (s *supervisor) cleanUp(ctx context.Context, c *container, change int, giveUp *keep.Record) {
	err := s.cfg.Runtime.Release(ctx, c.id)
	if giveUp != nil {
		err = errors.Join(err, s.cfg.Runtime.GiveUp(ctx, c.id, giveUp.Since))
	}
	s.tell(ctx, cleaning+c.id, err)
	s.on(c, func(c *container) { c.cleanedUp(change, time.Now(), err) })
}

// restart has the runtime start a container again.
func (s *supervisor) restart(ctx context.Context, c *container, next keep.Record) {
	err := s.cfg.Runtime.Restart(ctx, c.id, next)
	if err != nil && ctx.Err() != nil {
		err = errInterrupted
	}
	problem := err
	if errors.Is(err, ErrUnwanted) || errors.Is(err, ErrNoContainer) {
		problem = nil
	}
	s.tell(ctx, restarts+c.id, problem)
	s.on(c, func(c *container) { c.restarted(time.Now(), err) })
	s.ask(c.id)
}

// stop has the runtime stop a container that is unhealthy.
func (s *supervisor) stop(ctx context.Context, c *container, run time.Time) {
	err := s.cfg.Runtime.Stop(ctx, c.id, run)
	if err != nil {
		err = fmt.Errorf("stopping it because it is unhealthy: %w", err)
	}
	s.tell(ctx, stops+c.id, err)
	s.on(c, func(c *container) { c.stopped(time.Now()) })
	s.ask(c.id)
}

// tell reports how something went, unless it was only broken off.
func (s *supervisor) tell(ctx context.Context, subject string, err error) {
	if ctx.Err() == nil || err == nil {
		s.report.set(subject, err)
	}
}
