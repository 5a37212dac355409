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
		began := time.Now()
		err := s.follow(ctx)
		if time.Since(began) > lastDelay {
			delay = 0
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

// restoreHost has the engine run and the networks be as they should. What is
// wrong with the networks does not keep the containers from being watched.
func (s *supervisor) restoreHost(ctx context.Context) {
	err := s.cfg.Runtime.Restore(ctx)
	s.tell(ctx, "restoring", err)
	if err == nil {
		return
	}
	s.work.Go(func() {
		for delay := firstDelay; err != nil && pause(ctx, delay); delay = longer(delay) {
			err = s.cfg.Runtime.Restore(ctx)
			s.tell(ctx, "restoring", err)
		}
	})
}

// follow keeps up with the engine until its events end. Events only say which
// container to look at: how it is, is asked of the engine.
func (s *supervisor) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.restoreHost(ctx)
	events, err := s.cfg.Runtime.Events(ctx)
	if err != nil {
		return fmt.Errorf("following the engine: %w", err)
	}
	if err := s.lookAtAll(ctx); err != nil {
		return err
	}
	s.lookAtAsked(ctx)
	s.inStep()
	s.report.set("engine", nil)
	idle := idleness{after: s.cfg.IdleAfter}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.lookAtAsked(ctx)
		next, due := s.act(ctx)
		leave := idle.due(s.busy())
		if !leave.IsZero() && (!due || leave.Before(next)) {
			next, due = leave, true
		}
		timer.Stop()
		if due {
			timer.Reset(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-events:
			if !ok {
				return errStreamEnded
			}
			s.hear(e, events)
		case <-s.wake:
		case <-timer.C:
			if err := s.leaveIfIdle(ctx, &idle); err != nil {
				return err
			}
		}
	}
}

// hear has the containers looked at that an event, and those that have already
// come after it, are of.
func (s *supervisor) hear(e Event, more <-chan Event) {
	for {
		s.askFor(e.ID, ask{exited: e.Kind == EventExited})
		select {
		case next, ok := <-more:
			if !ok {
				return // who reads on will see it again
			}
			e = next
		default:
			return
		}
	}
}

// leaveIfIdle returns errLeaving when it is time to leave and nothing is left to
// do. If something is, nobody has told of it: who was to do so was killed.
func (s *supervisor) leaveIfIdle(ctx context.Context, idle *idleness) error {
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
	if nothingLeft {
		return nil
	}
	return s.lookAtAll(ctx)
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
