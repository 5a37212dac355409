package supervisor

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// firstDelay and lastDelay bound the time between two attempts at what
	// failed; it doubles from one to the next.
	firstDelay = 100 * time.Millisecond
	lastDelay  = 10 * time.Second
	// idleAgain is how long after the runtime said that there is work left it is
	// asked again, when nothing happens meanwhile.
	idleAgain = 30 * time.Second
)

var errStreamEnded = errors.New("the engine's events ended")

// watch follows the engine until ctx ends, and then returns nil, or until
// nothing is left to do, and then returns errLeaving. When the engine dies it
// has it started again, at once the first time.
func (s *supervisor) watch(ctx context.Context) error {
	delay := time.Duration(0)
	for {
		err := s.cfg.Runtime.Restore(ctx)
		if err == nil {
			began := time.Now()
			err = s.follow(ctx)
			if time.Since(began) > lastDelay {
				delay = 0
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errLeaving):
			return err
		}
		s.report.set("engine", err)
		if !pause(ctx, delay) {
			return nil
		}
		delay = longer(delay)
	}
}

// follow keeps up with the engine until its events end. Events only say when to
// look: what runs is asked of the engine.
func (s *supervisor) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, err := s.cfg.Runtime.Events(ctx)
	if err != nil {
		return fmt.Errorf("following the engine: %w", err)
	}
	if err := s.reconcile(ctx, nil); err != nil {
		return err
	}
	s.report.set("engine", nil)
	idle := idleness{after: s.cfg.IdleAfter}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		at, ok := s.nextLook(&idle)
		timer.Stop()
		if ok {
			timer.Reset(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-events:
			if !ok {
				return errStreamEnded
			}
			err = s.reconcile(ctx, append(waiting(events), e))
		case <-s.wake:
		case <-timer.C:
			err = s.look(ctx, &idle)
		}
		if err != nil {
			return err
		}
	}
}

// waiting returns the events that have already arrived.
func waiting(events <-chan Event) []Event {
	var all []Event
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return all // who reads on will see it again
			}
			all = append(all, e)
		default:
			return all
		}
	}
}

// nextLook returns when something is due though nothing happens: a container
// has had its time to start, or the supervisor to be needed.
func (s *supervisor) nextLook(idle *idleness) (time.Time, bool) {
	next := idle.due(s.busy())
	s.each(func(_ string, c *container) {
		if end := c.since.Add(s.cfg.StartGrace); c.phase == starting && (next.IsZero() || end.Before(next)) {
			next = end
		}
	})
	return next, !next.IsZero()
}

// look does what is due.
func (s *supervisor) look(ctx context.Context, idle *idleness) error {
	if err := s.reconcile(ctx, nil); err != nil {
		return err
	}
	if at := idle.due(s.busy()); at.IsZero() || time.Now().Before(at) {
		return nil
	}
	nothingLeft, err := s.cfg.Runtime.Idle(ctx)
	if err != nil {
		return fmt.Errorf("looking whether anything is left to do: %w", err)
	}
	if nothingLeft && s.leave() {
		return errLeaving
	}
	idle.postpone()
	return nil
}

// reconcile compares what is known with what runs. Of the containers that do
// not run, those of events have just ended.
func (s *supervisor) reconcile(ctx context.Context, events []Event) error {
	now := time.Now()
	there, err := s.cfg.Runtime.Containers(ctx)
	if err != nil {
		return fmt.Errorf("asking the engine what runs: %w", err)
	}
	lives := map[string]bool{}
	for _, c := range there {
		if c.Running {
			lives[c.ID] = true
			s.with(c.ID, (*container).seen)
		}
	}
	for _, e := range events {
		if e.Kind == EventExited && !lives[e.ID] {
			s.ending(ctx, e.ID, func(c *container) bool { return c.exited(e.At) })
		}
	}
	for _, id := range s.known() {
		if !lives[id] {
			s.ending(ctx, id, func(c *container) bool { return c.missing(now.Add(-s.cfg.StartGrace)) })
		}
	}
	return nil
}

// ending is with, of an event that may end the container: then the runtime
// cleans up behind it.
func (s *supervisor) ending(ctx context.Context, id string, event func(*container) bool) {
	var ended bool
	var run int
	s.with(id, func(c *container) {
		ended = event(c)
		run = c.run
	})
	if ended {
		s.work.Go(func() { s.cleanUp(ctx, id, run) })
	}
}

// cleanUp has the runtime clean up behind a container, until it is done or the
// container has begun something new.
func (s *supervisor) cleanUp(ctx context.Context, id string, run int) {
	subject := "cleaning up behind " + id
	defer s.report.set(subject, nil)
	for delay := firstDelay; ; delay = longer(delay) {
		err := s.cfg.Runtime.Release(ctx, id)
		if ctx.Err() != nil {
			return
		}
		s.report.set(subject, err)
		over := false
		s.with(id, func(c *container) {
			if over = c.run != run; !over && err == nil {
				over = true
				c.released()
			}
		})
		if over || !pause(ctx, delay) {
			return
		}
	}
}

// idleness says when the supervisor is to leave.
type idleness struct {
	after time.Duration
	at    time.Time // zero: it is needed
}

func (i *idleness) due(busy bool) time.Time {
	switch {
	case busy:
		i.at = time.Time{}
	case i.at.IsZero():
		i.at = time.Now().Add(i.after)
	}
	return i.at
}

func (i *idleness) postpone() { i.at = time.Now().Add(idleAgain) }

func longer(delay time.Duration) time.Duration {
	return min(max(2*delay, firstDelay), lastDelay)
}

// pause waits, and returns false when ctx ends first.
func pause(ctx context.Context, delay time.Duration) bool {
	t := time.NewTimer(delay)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
