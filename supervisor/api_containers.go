package supervisor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
)

// firstLookLimit is how long who asks what runs waits for a supervisor that
// has just started to know it. After that it hears what is known from records.
const firstLookLimit = 2 * time.Second

func (s *supervisor) getContainers(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("watch") != "" {
		s.watchContainers(w, r)
		return
	}
	s.waitForFirstLook(r.Context())
	all := []ContainerStatus{}
	s.each(func(c *container) { all = append(all, c.status()) })
	slices.SortFunc(all, func(a, b ContainerStatus) int { return cmp.Compare(a.ID, b.ID) })
	reply(w, all)
}

func (s *supervisor) getContainer(w http.ResponseWriter, r *http.Request) {
	id, ok := containerID(w, r)
	if !ok {
		return
	}
	s.waitForFirstLook(r.Context())
	reply(w, s.statusOf(id))
}

func (s *supervisor) waitForFirstLook(ctx context.Context) {
	limit := time.NewTimer(firstLookLimit)
	defer limit.Stop()
	select {
	case <-s.synced:
	case <-ctx.Done():
		panic(http.ErrAbortHandler) // nobody is there to be told, or nothing is known
	case <-limit.C:
	}
}

func containerID(w http.ResponseWriter, r *http.Request) (id string, ok bool) {
	id = r.PathValue("id")
	if err := endpoint.CheckID(id); err != nil {
		fail(w, http.StatusBadRequest, err)
		return "", false
	}
	return id, true
}

// statusOf returns what is known of a container.
func (s *supervisor) statusOf(id string) (status ContainerStatus) {
	s.with(id, func(c *container) { status = c.status() })
	return status
}

// watchContainers tells what is there and what changes until the client has
// gone.
func (s *supervisor) watchContainers(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.synced:
	case <-r.Context().Done():
		return
	}
	reader := s.readers.join("")
	defer s.readers.leave(reader)
	s.each(func(c *container) { reader.put(c.status()) })
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := json.NewEncoder(w)
	if tellChanges(lines, reader) != nil || lines.Encode(watchLine{Synced: true}) != nil {
		return
	}
	flush := http.NewResponseController(w)
	for flush.Flush() == nil {
		select {
		case <-reader.ready:
		case <-r.Context().Done():
			return
		}
		if tellChanges(lines, reader) != nil {
			return
		}
	}
}

func tellChanges(lines *json.Encoder, reader *reader) error {
	for _, status := range reader.take() {
		if err := lines.Encode(watchLine{Container: &status}); err != nil {
			return err
		}
	}
	return nil
}

func (s *supervisor) awaitContainer(w http.ResponseWriter, r *http.Request) {
	id, ok := containerID(w, r)
	if !ok {
		return
	}
	until := project.Condition(r.FormValue("until"))
	switch until {
	case project.Started, project.Healthy, project.Completed, project.Ready:
	default:
		fail(w, http.StatusBadRequest, fmt.Errorf("awaiting the condition %q: there is no such one", until))
		return
	}
	status, ok := s.await(r.Context(), id, until)
	if !ok {
		panic(http.ErrAbortHandler) // an answer of nothing would be one
	}
	reply(w, status)
}

// await returns the container's status once it decides what is awaited; ok is
// false when ctx has ended before. A container that nothing is known of may have
// been started just now, so it is looked at.
func (s *supervisor) await(ctx context.Context, id string, until project.Condition) (status ContainerStatus, ok bool) {
	reader := s.readers.join(id)
	defer s.readers.leave(reader)
	if s.statusOf(id).Phase == PhaseAbsent {
		looked := make(chan struct{})
		s.askFor(id, ask{waiting: []chan struct{}{looked}})
		select {
		case <-looked:
		case <-ctx.Done():
			return status, false
		}
	}
	var c *container
	s.with(id, func(known *container) {
		c = known
		c.await(until, time.Now(), 1)
		s.hurry(c)
		reader.put(c.status())
		if c.phase == PhaseStarting {
			s.ask(id)
		}
	})
	defer s.on(c, func(c *container) { c.await(until, time.Now(), -1) })
	for {
		select {
		case <-reader.ready:
		case <-ctx.Done():
			return status, false
		}
		for _, status := range reader.take() {
			if decides(status, until) {
				return status, true
			}
		}
	}
}

// await notes that somebody more, or less, awaits the container.
func (c *container) await(until project.Condition, now time.Time, more int) {
	if until != project.Healthy && until != project.Ready {
		return
	}
	if c.awaiters == 0 {
		c.awaited = now
	}
	if c.awaiters += more; c.awaiters == 0 {
		c.awaited = time.Time{}
	}
}

// decides says whether a container in that state is what is awaited, or cannot
// become it any more: see Client.Await.
func decides(s ContainerStatus, until project.Condition) bool {
	switch s.Phase {
	case PhaseEnded, PhaseAbsent:
		return true
	case PhaseRunning, PhasePaused:
		switch until {
		case project.Started:
			return true
		case project.Healthy, project.Ready:
			return s.Health == nil || s.Health.Status != health.Starting
		}
	}
	return false
}
