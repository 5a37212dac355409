package host

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/shim/state"
)

// began and ended are the times of a run, at is when containerd saw the end.
var (
	began = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	ended = began.Add(time.Minute)
	at    = began.Add(2 * time.Minute)
)

func TestStateIsWhatTheEngineSaysNowAndTheShimWroteDown(t *testing.T) {
	runs := &state.State{Pid: 7, StartedAt: began, Running: true}
	exited := &state.State{StartedAt: began, ExitedAt: ended, ExitCode: 3}
	for _, c := range []struct {
		name     string
		engine   containerd.Container
		recorded *state.State
		want     planner.State
		code     int
		ended    time.Time
	}{
		{"never started", containerd.Container{State: planner.StateCreated}, nil, planner.StateCreated, 0, time.Time{}},
		{"runs", containerd.Container{State: planner.StateRunning}, runs, planner.StateRunning, 0, time.Time{}},
		{"paused", containerd.Container{State: planner.StatePaused}, runs, planner.StatePaused, 0, time.Time{}},
		{"ended and cleaned up", containerd.Container{State: planner.StateCreated}, exited, planner.StateExited, 3, ended},
		{"ended, not cleaned up", containerd.Container{State: planner.StateExited, ExitCode: 3, ExitedAt: at}, exited, planner.StateExited, 3, ended},
		{"the shim was killed", containerd.Container{State: planner.StateExited, ExitCode: 137, ExitedAt: at}, runs, planner.StateExited, 137, at},
		{"runs again, not recorded yet", containerd.Container{State: planner.StateRunning}, exited, planner.StateRunning, 0, time.Time{}},
		{"the host went down", containerd.Container{State: planner.StateCreated}, runs, planner.StateExited, 255, time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &Host{cfg: Config{Paths: paths.Paths{Root: t.TempDir()}}}
			c.engine.ID = "shop-web-1.n1"
			if c.recorded != nil {
				dir := h.cfg.Paths.Container(c.engine.ID)
				if err := os.MkdirAll(dir, 0o711); err != nil {
					t.Fatal(err)
				}
				if err := state.Write(dir, *c.recorded); err != nil {
					t.Fatal(err)
				}
			}
			l := h.state(c.engine)
			if l.state != c.want || l.ExitCode != c.code || !l.ExitedAt.Equal(c.ended) {
				t.Errorf("%s, exit code %d at %v; want %s, %d, %v", l.state, l.ExitCode, l.ExitedAt, c.want, c.code, c.ended)
			}
			running := c.recorded == runs && (c.want == planner.StateRunning || c.want == planner.StatePaused)
			if l.Running != running || l.StartedAt.IsZero() && (c.recorded == runs || c.want == planner.StateExited) {
				t.Errorf("running is %v since %v", l.Running, l.StartedAt)
			}
		})
	}
}

func TestARecordThatAPowerCutHasTornIsOfARunWhoseEndNobodySaw(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "cut off": "{", "no record": "[]"} {
		t.Run(name, func(t *testing.T) {
			h := &Host{cfg: Config{Paths: paths.Paths{Root: t.TempDir()}}}
			dir := h.cfg.Paths.Container("x")
			if err := os.MkdirAll(dir, 0o711); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "state.json"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			l := h.state(containerd.Container{ID: "x", State: planner.StateCreated})
			if l.state != planner.StateExited || l.ExitCode != 255 || !l.ExitedAt.IsZero() {
				t.Errorf("without a task: %+v", l)
			}
			l = h.state(containerd.Container{ID: "x", State: planner.StateExited, ExitCode: 3, ExitedAt: at})
			if l.state != planner.StateExited || l.ExitCode != 3 || !l.ExitedAt.Equal(at) {
				t.Errorf("with a task: %+v", l)
			}
		})
	}
}

func TestARunIsSteadyOnceItIsKnownToHaveLasted(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name    string
		started time.Time
		want    bool
	}{
		{"begun just now", now, false},
		{"long ago", now.Add(-steady), true},
		{"not recorded yet", time.Time{}, false},
	} {
		var l life
		l.StartedAt = c.started
		if got := l.steady(now); got != c.want {
			t.Errorf("%s: steady is %v", c.name, got)
		}
	}
}
