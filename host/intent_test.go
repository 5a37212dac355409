package host

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/secrets"
	"github.com/gocompose/gocompose/shim/state"
	"github.com/gocompose/gocompose/supervisor/keep"
)

func intents(t *testing.T, restart project.Restart, state planner.State) (*Host, containerd.Container) {
	t.Helper()
	dir := t.TempDir()
	p := paths.Paths{Root: dir + "/root", State: dir + "/state"}
	h := &Host{cfg: Config{Paths: p}, secrets: secrets.Open(p)}
	c := containerd.Container{ID: "shop-web-1.n1", State: state}
	c.Record.Spec.Restart = restart
	if err := os.MkdirAll(h.cfg.Paths.Container(c.ID), 0o700); err != nil {
		t.Fatal(err)
	}
	return h, c
}

func TestWhatIsStartedIsKeptUntilTheUserStopsIt(t *testing.T) {
	for _, tt := range []struct {
		restart project.Restart
		kept    bool
	}{
		{project.Restart{}, false},
		{project.Restart{Condition: project.RestartOnFailure}, true},
		{project.Restart{Condition: project.RestartUnlessStopped}, true},
		{project.Restart{Unhealthy: true}, true},
	} {
		h, c := intents(t, tt.restart, planner.StateExited)
		if err := h.wantRunning(c); err != nil || h.isKept(c.ID) != tt.kept {
			t.Errorf("%+v: started, kept is %v, %v", tt.restart, h.isKept(c.ID), err)
		}
		ran := life{planner.StateExited, state.State{StartedAt: time.Now()}}
		if seen := h.observed(c, ran); (seen.State == planner.StateRestarting) != tt.kept || seen.Stopped {
			t.Errorf("%+v: started and not running is %+v", tt.restart, seen)
		}
		if err := h.wantStopped(c); err != nil || h.isKept(c.ID) {
			t.Errorf("%+v: stopped, kept is %v, %v", tt.restart, h.isKept(c.ID), err)
		}
		if seen := h.observed(c, life{state: planner.StateExited}); seen.State != planner.StateExited || !seen.Stopped {
			t.Errorf("%+v: stopped is %+v", tt.restart, seen)
		}
		if err := h.wantRunning(c); err != nil || h.isKept(c.ID) != tt.kept {
			t.Errorf("%+v: started again, kept is %v, %v", tt.restart, h.isKept(c.ID), err)
		}
		if seen := h.observed(c, life{}); seen.Stopped {
			t.Errorf("%+v: started again is still marked as stopped", tt.restart)
		}
	}
}

func TestWhatWasNotStartedBecauseItsStarterWasKilledIsNotAboutToBe(t *testing.T) {
	for _, before := range []time.Time{{}, time.Now().Add(-time.Hour)} {
		h, c := intents(t, project.Restart{Condition: project.RestartAlways}, planner.StateExited)
		ran := state.State{StartedAt: before}
		if !before.IsZero() {
			if err := state.Write(h.cfg.Paths.Container(c.ID), ran); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.wantRunning(c); err != nil {
			t.Fatal(err)
		}
		if seen := h.observed(c, life{planner.StateExited, ran}); seen.State != planner.StateExited {
			t.Errorf("last started at %v: it is %s", before, seen.State)
		}
	}
}

func TestStartingWhatRunsForgetsNoRestarts(t *testing.T) {
	h, c := intents(t, project.Restart{Condition: project.RestartAlways}, planner.StateRunning)
	if err := h.kept().Write(c.ID, keep.Record{ID: c.ID, Restarts: 3}); err != nil {
		t.Fatal(err)
	}
	if err := h.wantRunning(c); err != nil {
		t.Fatal(err)
	}
	if r, err := h.kept().Read(c.ID); err != nil || r.Restarts != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	c.State = planner.StateExited
	if err := h.wantRunning(c); err != nil {
		t.Fatal(err)
	}
	if r, err := h.kept().Read(c.ID); err != nil || r.Restarts != 0 || r.Since.IsZero() {
		t.Errorf("started by the user: %+v, %v", r, err)
	}
}

func TestAStopBecauseTheMachineGoesDownIsNotTheUsers(t *testing.T) {
	h, c := intents(t, project.Restart{Condition: project.RestartUnlessStopped}, planner.StateRunning)
	if err := h.GoingDown().wantStopped(c); err != nil {
		t.Fatal(err)
	}
	if seen := h.observed(c, life{}); seen.Stopped || h.isKept(c.ID) {
		t.Errorf("%+v, kept is %v", seen, h.isKept(c.ID))
	}
}

func TestWhatIsRemovedIsForgotten(t *testing.T) {
	h, c := intents(t, project.Restart{Condition: project.RestartAlways}, planner.StateExited)
	for _, id := range []string{c.ID, "gone-web-1.n2"} {
		if err := h.kept().Write(id, keep.Record{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{c.ID, "gone-web-1.n3"} {
		if err := os.MkdirAll(filepath.Dir(h.secrets.Path(id, 0)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.forgetRemoved(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := h.secrets.Names(); err != nil || !slices.Equal(left, []string{c.ID}) {
		t.Errorf("secrets are left of %v, %v", left, err)
	}
	if !h.isKept(c.ID) || h.isKept("gone-web-1.n2") {
		t.Error("the wrong one is forgotten")
	}
}

func TestATestIsAProgramOrACommand(t *testing.T) {
	for _, tt := range []struct {
		test []string
		want []string
	}{
		{[]string{"CMD", "curl", "-f", "x"}, []string{"curl", "-f", "x"}},
		{[]string{"CMD-SHELL", "exit 1"}, []string{"/bin/sh", "-c", "exit 1"}},
		{[]string{"CMD"}, nil},
		{[]string{"NONE"}, nil},
		{[]string{"curl", "x"}, nil},
	} {
		got, err := testArgs(project.Healthcheck{Test: tt.test})
		if (err != nil) != (tt.want == nil) || !slices.Equal(got, tt.want) {
			t.Errorf("%v: %q, %v", tt.test, got, err)
		}
	}
}
