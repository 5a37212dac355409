package supervisor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gocompose/gocompose/networks/endpoint"
)

// parallel is how many containers are looked at, or endpoints restored, at a
// time.
const parallel = 8

// asked are the containers that are to be looked at.
type asked map[string]ask

// ask says why and for whom.
type ask struct {
	exited  bool            // it is said to have ended
	waiting []chan struct{} // closed when it has been looked at
	delay   time.Duration   // before the next attempt, when this one fails
}

// ask has the container looked at.
func (s *supervisor) ask(id string) { s.askFor(id, ask{}) }

func (s *supervisor) askFor(id string, a ask) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.asked[id]
	s.asked[id] = ask{a.exited || b.exited, append(b.waiting, a.waiting...), max(a.delay, b.delay)}
	s.changed()
}

// mark is how far a container had come when a look at it began: what is seen
// is old when it has come further.
type mark struct {
	c       *container
	changes int
}

func (m mark) still(c *container) bool {
	return m.c == c && m.changes == c.changes || m.c == nil && c.changes == 0
}

func (s *supervisor) mark(id string) mark {
	s.mu.Lock()
	c := s.containers[id]
	s.mu.Unlock()
	if c == nil {
		return mark{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return mark{c, c.changes}
}

// lookAtAsked looks at the containers that somebody asked for. Only one
// goroutine at a time does so.
func (s *supervisor) lookAtAsked(ctx context.Context) {
	all := s.takeAsked()
	if all == nil {
		return
	}
	var group errgroup.Group
	group.SetLimit(parallel)
	for id, a := range all {
		group.Go(func() error {
			s.look(ctx, id, a)
			return nil
		})
	}
	_ = group.Wait() // nobody returns one
}

func (s *supervisor) takeAsked() asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) == 0 {
		return nil
	}
	all := s.asked
	s.asked = asked{}
	return all
}

// look looks at one container. When it cannot be, that is a problem of this
// container, and tried again.
func (s *supervisor) look(ctx context.Context, id string, a ask) {
	before := s.mark(id)
	v := view{at: time.Now(), exited: a.exited}
	var err error
	v.info, err = s.cfg.Runtime.Container(ctx, id)
	v.there = err == nil
	if errors.Is(err, ErrNoContainer) {
		err = nil
	}
	s.tell(ctx, looks+id, err)
	if err == nil {
		s.apply(ctx, before, id, v, a)
		return
	}
	a.delay = longer(a.delay)
	s.work.Go(func() {
		pause(ctx, a.delay)
		s.askFor(id, a)
	})
}

// apply tells the container what was seen of it, unless that is old: then it is
// looked at again.
func (s *supervisor) apply(ctx context.Context, before mark, id string, v view, a ask) {
	var err error
	// After the process: who stops one removes the record first.
	v.kept, err = s.records.readKept(id)
	s.report.set("keeping "+id, err)
	v.grace = s.cfg.StartGrace
	old := false
	s.with(id, func(c *container) {
		if old = !before.still(c); old {
			return
		}
		if v.info.Health != nil && !v.info.StartedAt.Equal(c.startedAt) {
			v.health = s.records.readHealth(id, v.info.StartedAt)
		}
		lived := c.lives()
		c.observe(v)
		if !lived && c.lives() {
			s.report.set(restarts+id, nil)
			s.adopt(ctx, c)
		}
	})
	if old {
		s.askFor(id, a)
		return
	}
	for _, w := range a.waiting {
		close(w)
	}
}

// adopt has what is recorded for a container held that lives and for which
// nothing is held: it was taken for one that had ended.
func (s *supervisor) adopt(ctx context.Context, c *container) {
	if c.held != nil {
		return
	}
	e, err := endpoint.Read(s.cfg.Paths.Endpoints(), c.id)
	if errors.Is(err, endpoint.ErrNotFound) {
		return // it has no place on the network
	}
	if err == nil {
		c.held = newHolding(s.names, e)
		held := c.held
		if err = held.open(ctx); err != nil {
			s.work.Go(func() { s.retry(ctx, c.id, held) })
		}
	}
	s.report.set("endpoint "+c.id, err)
}

// lookAtAll compares what is known with what runs.
func (s *supervisor) lookAtAll(ctx context.Context) error {
	marks := map[string]mark{}
	s.each(func(c *container) { marks[c.id] = mark{c, c.changes} })
	now := time.Now()
	all, err := s.cfg.Runtime.Containers(ctx)
	if err != nil {
		return fmt.Errorf("asking the engine what runs: %w", err)
	}
	names, err := s.records.kept.Names()
	s.report.set("what is kept running", err)
	others := map[string]bool{} // known, or to be kept, and not among all
	for _, id := range slices.AppendSeq(names, maps.Keys(marks)) {
		others[id] = true
	}
	there := map[string]bool{}
	for _, info := range all {
		there[info.ID] = true
		if info.Running || others[info.ID] {
			s.apply(ctx, marks[info.ID], info.ID, view{at: now, there: true, info: info}, ask{})
		}
		delete(others, info.ID)
	}
	for id := range others {
		s.ask(id)
	}
	s.forgetPast(there)
	return nil
}

// forgetPast forgets the last runs of containers that there are no more.
func (s *supervisor) forgetPast(there map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.past, func(id string, _ past) bool { return !there[id] })
}

// inStep notes that everything has been looked at once.
func (s *supervisor) inStep() {
	select {
	case <-s.synced:
		return
	default:
	}
	known := map[string]bool{}
	for _, c := range s.known() {
		known[c.id] = true
	}
	s.report.set("what is known of health", s.records.dropHealth(known))
	close(s.synced)
}
