package cmd

import (
	"testing"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/supervisor/health"
)

func TestStatesAreSaidInDockersWords(t *testing.T) {
	in := func(state planner.State, h health.Status) host.Info {
		i := host.Info{StartedAt: noon, ExitedAt: noon.Add(2 * time.Second), ExitCode: 1}
		i.State = state
		if h != "" {
			i.Health = &health.State{Status: h}
		}
		return i
	}
	unseen := in(planner.StateExited, "")
	unseen.ExitedAt, unseen.ExitCode = time.Time{}, 255
	for want, i := range map[string]host.Info{
		"Up 5 seconds":                    in(planner.StateRunning, ""),
		"Up 5 seconds (healthy)":          in(planner.StateRunning, health.Healthy),
		"Up 5 seconds (health: starting)": in(planner.StateRunning, health.Starting),
		"Up 5 seconds (unhealthy)":        in(planner.StateRunning, health.Unhealthy),
		"Up 5 seconds (Paused)":           in(planner.StatePaused, health.Healthy),
		"Restarting (1) 3 seconds ago":    in(planner.StateRestarting, ""),
		"Exited (1) 3 seconds ago":        in(planner.StateExited, health.Unhealthy),
		"Exited (255)":                    unseen,
		"Created":                         in(planner.StateCreated, ""),
	} {
		if got := status(i, noon.Add(5*time.Second)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestHealthIsThatOfAProcess(t *testing.T) {
	for state, want := range map[planner.State]string{
		planner.StateRunning:    "unhealthy",
		planner.StatePaused:     "unhealthy",
		planner.StateRestarting: "",
		planner.StateExited:     "",
	} {
		i := host.Info{Health: &health.State{Status: health.Unhealthy}}
		i.State = state
		if got := describe(i, false).Health; got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
	if got := describe(host.Info{}, false).Health; got != "" {
		t.Errorf("without a check: %q", got)
	}
}

func TestPsListsWhatRunsOrIsGoingTo(t *testing.T) {
	states := []planner.State{
		planner.StateCreated, planner.StateRunning, planner.StatePaused, planner.StateRestarting, planner.StateExited,
	}
	for _, test := range []struct {
		flags psFlags
		want  string
	}{
		{psFlags{}, "running paused restarting "},
		{psFlags{all: true}, "created running paused restarting exited "},
		{psFlags{status: []string{"restarting"}}, "restarting "},
		{psFlags{status: []string{"running", "exited"}}, "running exited "},
	} {
		got := ""
		for _, s := range states {
			if test.flags.shows(host.Info{Container: planner.Container{State: s}}) {
				got += string(s) + " "
			}
		}
		if got != test.want {
			t.Errorf("%+v: %q, want %q", test.flags, got, test.want)
		}
	}
}
