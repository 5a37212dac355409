package host

import (
	"sync"
	"time"

	"github.com/gocompose/gocompose/events"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// keepSubject writes down what events say of a container. One that only prepares a
// start of another has none.
func keepSubject(dir, id string, c project.Container) error {
	if c.Role != "" && !c.OneOff() {
		return nil
	}
	return events.Subject{
		ID: id, Project: c.Project, Service: c.Service, OneOff: c.OneOff(),
		Name: c.Name, Image: planner.ShortImage(c.Image), Labels: c.Labels,
	}.Keep(dir)
}

// ensureSubject is keepSubject for a container that was made before there were
// events.
func ensureSubject(dir, id string, c project.Container) error {
	if events.IsKept(dir) {
		return nil
	}
	return keepSubject(dir, id, c)
}

// noteEvent notes what has just been done to a container, unless it has no events.
func (h *Host) noteEvent(id string, what events.Action) {
	if s, err := events.Kept(h.cfg.Paths.Container(id)); err == nil {
		events.In(h.cfg.Paths.Events()).Note(s.Event(time.Now(), what))
	}
}

// stopped are the containers that have been stopped by this host: one that is
// started by it too is restarted.
type stopped struct {
	mu  sync.Mutex
	ids map[string]bool
}

func (s *stopped) add(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids[id] = true
}

// take tells whether the container was stopped, and forgets it.
func (s *stopped) take(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.ids[id]
	delete(s.ids, id)
	return was
}
