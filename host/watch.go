package host

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/supervisor"
)

// The time between two attempts to reach a supervisor or an engine that died;
// it doubles from one to the next.
const (
	firstAgain = 10 * time.Millisecond
	lastAgain  = time.Second
)

// Watch follows the project's containers until ctx ends, which is its error. It
// calls changed, from one goroutine, with the status of each container that runs
// or is going to, and then with each status that is another one: the last of a
// container is of PhaseAbsent. It makes sure that there is a supervisor.
//
// Runs grows with each run of a container, whichever supervisor has seen it.
// Supervisors may die meanwhile: of a run that ended while there was none, the
// end is told with what the shim has recorded of it, unless the container runs
// again: that is told by another StartedAt and a higher Runs.
func (h *Host) Watch(ctx context.Context, project string, changed func(supervisor.ContainerStatus)) error {
	w := watcher{project: project, changed: changed, lifeOf: h.lifeOf, seen: map[string]*watched{}}
	client, err := h.supervisor.ensure(ctx)
	for delay := firstAgain; ; {
		if err == nil {
			began := time.Now()
			err = w.follow(ctx, client)
			if time.Since(began) > lastAgain {
				delay = firstAgain
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.Is(err, supervisor.ErrNotRunning) && !errdefs.IsUnavailable(err) {
			return fmt.Errorf("watching the containers: %w", err)
		}
		if !rest(ctx, &delay) {
			return ctx.Err()
		}
		client, err = h.supervisor.again(ctx)
	}
}

// rest waits for the delay, which it doubles; false: ctx has ended.
func rest(ctx context.Context, delay *time.Duration) bool {
	timer := time.NewTimer(*delay)
	defer timer.Stop()
	*delay = min(2**delay, lastAgain)
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// watcher makes one story of what one supervisor after the other tells.
type watcher struct {
	project string
	changed func(supervisor.ContainerStatus)
	lifeOf  func(ctx context.Context, id string) (life, error)

	seen   map[string]*watched
	source int // counts the supervisors, or the connections to one
}

// watched is one container in it.
type watched struct {
	told   supervisor.ContainerStatus
	runs   int // as its source has numbered the last run
	source int // what told of it last
}

func (w *watcher) follow(ctx context.Context, client *supervisor.Client) error {
	w.source++
	return client.Watch(ctx,
		func(s supervisor.ContainerStatus) error {
			if s.Project == w.project {
				w.take(s)
			}
			return nil
		},
		func() error { return w.synced(ctx) })
}

// take tells a status as part of the story.
func (w *watcher) take(s supervisor.ContainerStatus) {
	was, known := w.seen[s.ID]
	if !known {
		if s.Phase == supervisor.PhaseAbsent {
			return
		}
		w.seen[s.ID] = &watched{told: s, runs: s.Runs, source: w.source}
		w.changed(s)
		return
	}
	theirs, news := s.Runs, was.source != w.source
	s.Runs = was.number(s, news)
	was.runs, was.source = theirs, w.source
	// A supervisor that has just begun has not seen the process yet.
	if was.alive() && s.Phase == supervisor.PhaseStarting && s.Runs == was.told.Runs {
		return
	}
	w.tell(was, s)
}

// number returns the number of the run that s is about. The numbers of another
// source mean nothing.
func (o *watched) number(s supervisor.ContainerStatus, otherSource bool) int {
	switch {
	case s.StartedAt.IsZero() && otherSource, !s.StartedAt.IsZero() && s.StartedAt.Equal(o.told.StartedAt):
		return o.told.Runs
	case otherSource:
		return o.told.Runs + 1
	default:
		return o.told.Runs + max(0, s.Runs-o.runs)
	}
}

func (o *watched) alive() bool {
	return o.told.Phase == supervisor.PhaseRunning || o.told.Phase == supervisor.PhasePaused
}

func (w *watcher) tell(was *watched, s supervisor.ContainerStatus) {
	if reflect.DeepEqual(was.told, s) {
		return
	}
	was.told = s
	if s.Phase == supervisor.PhaseAbsent {
		delete(w.seen, s.ID)
	}
	w.changed(s)
}

// synced tells the end of the containers that ended while nobody told of it. A
// new supervisor may not have seen all yet that run.
func (w *watcher) synced(ctx context.Context) error {
	for id, was := range w.seen {
		if was.source == w.source {
			continue
		}
		l, err := w.lifeOf(ctx, id)
		if err != nil {
			return err
		}
		if l.going() {
			continue
		}
		s := was.told
		s.Phase, s.Health, s.RestartAt, s.Reason = supervisor.PhaseEnded, nil, time.Time{}, ""
		s.ExitedAt, s.ExitCode = l.ExitedAt, l.ExitCode
		w.tell(was, s)
		s.Phase = supervisor.PhaseAbsent
		w.tell(was, s)
	}
	return nil
}
