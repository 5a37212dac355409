package host

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/shim/state"
	"github.com/gocompose/gocompose/supervisor"
)

// story is a watcher and what it has told: "running 1 since 3", the number of
// the run and when it began, in hours.
type story struct {
	watcher
	told []string
	life life
}

func newStory() *story {
	s := &story{}
	s.watcher = watcher{
		project: "shop",
		seen:    map[string]*watched{},
		changed: func(c supervisor.ContainerStatus) {
			line := fmt.Sprintf("%s %d since %d", c.Phase, c.Runs, c.StartedAt.Hour())
			if c.ExitCode != 0 {
				line += fmt.Sprintf(" exit %d", c.ExitCode)
			}
			s.told = append(s.told, line)
		},
		lifeOf: func(context.Context, string) (life, error) { return s.life, nil },
	}
	return s
}

func hour(n int) time.Time { return time.Date(2030, 1, 2, n, 0, 0, 0, time.UTC) }

func is(phase supervisor.Phase, runs, since int) supervisor.ContainerStatus {
	s := supervisor.ContainerStatus{ID: "shop-web-1.n", Project: "shop", Phase: phase, Runs: runs}
	if since > 0 {
		s.StartedAt = hour(since)
	}
	return s
}

// source is what one supervisor tells before and after it is in sync.
func (s *story) source(t *testing.T, before, after []supervisor.ContainerStatus) {
	t.Helper()
	s.watcher.source++
	for _, c := range before {
		s.take(c)
	}
	if err := s.synced(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range after {
		s.take(c)
	}
}

func TestSupervisorsTellOneStory(t *testing.T) {
	const (
		starting = supervisor.PhaseStarting
		running  = supervisor.PhaseRunning
		waiting  = supervisor.PhaseRestarting
		over     = supervisor.PhaseEnded
		absent   = supervisor.PhaseAbsent
	)
	type statuses = []supervisor.ContainerStatus
	exited := life{state: planner.StateExited, State: state.State{StartedAt: hour(3), ExitedAt: hour(4), ExitCode: 7}}
	for _, c := range []struct {
		name          string
		life          life
		before, after statuses
		want          []string
	}{
		{
			"the same run goes on, and the new one has not seen the process yet", life{},
			statuses{is(starting, 0, 0)},
			statuses{is(running, 1, 3), is(absent, 1, 3)},
			[]string{"absent 2 since 3"},
		},
		{
			"the new one knows nothing of it yet, but it runs", life{state: planner.StateRunning},
			nil,
			statuses{is(running, 1, 3), is(waiting, 1, 3), is(running, 2, 5)},
			[]string{"restarting 2 since 3", "running 3 since 5"},
		},
		{
			"another run has begun meanwhile", life{},
			statuses{is(running, 1, 5)},
			statuses{is(running, 4, 6)},
			[]string{"running 3 since 5", "running 6 since 6"},
		},
		{
			"it has ended meanwhile, and is waiting", life{},
			statuses{is(waiting, 0, 3)},
			nil,
			[]string{"restarting 2 since 3"},
		},
		{
			"it has ended meanwhile for good", exited,
			nil, nil,
			[]string{"ended 2 since 3 exit 7", "absent 2 since 3 exit 7"},
		},
		{
			"it has ended meanwhile, and is started anew", exited,
			nil, statuses{is(starting, 0, 0), is(running, 1, 5), is(over, 1, 5), is(absent, 1, 5)},
			[]string{
				"ended 2 since 3 exit 7", "absent 2 since 3 exit 7",
				"starting 0 since 0", "running 1 since 5", "ended 1 since 5", "absent 1 since 5",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStory()
			s.source(t, statuses{is(running, 2, 3)}, statuses{is(running, 2, 3)})
			if want := []string{"running 2 since 3"}; !slices.Equal(s.told, want) {
				t.Fatalf("told %q, want %q", s.told, want)
			}
			s.told, s.life = nil, c.life
			s.source(t, c.before, c.after)
			if !slices.Equal(s.told, c.want) {
				t.Errorf("told %q, want %q", s.told, c.want)
			}
		})
	}
}

func TestTheEndOfWhatWasNeverToldIsNotTold(t *testing.T) {
	s := newStory()
	s.source(t, nil, []supervisor.ContainerStatus{is(supervisor.PhaseAbsent, 0, 0)})
	if len(s.told) > 0 {
		t.Errorf("told %q", s.told)
	}
}
