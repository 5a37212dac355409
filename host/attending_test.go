package host

import (
	"os"
	"testing"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func TestWhatIsLeftOver(t *testing.T) {
	h := &Host{cfg: Config{Paths: paths.Paths{Root: t.TempDir()}}}
	oneOff := project.Service{Template: project.Container{Service: "web"}}.AsOneOff("0123456789ab").Template
	temporary := oneOff
	temporary.Temporary = true
	init := project.Container{Service: "web", Role: "pre_start-1"}
	replica := project.Container{Service: "web", Replica: 1}
	for _, c := range []struct {
		spec     project.Container
		state    planner.State
		attended bool
		left     bool
	}{
		{replica, planner.StateCreated, false, false},
		{replica, planner.StateExited, false, false},
		{init, planner.StateRunning, false, true},
		{oneOff, planner.StateCreated, false, true},
		{oneOff, planner.StateCreated, true, false},
		{oneOff, planner.StateRunning, false, false},
		{oneOff, planner.StateExited, false, false},
		{temporary, planner.StateRunning, false, false},
		{temporary, planner.StatePaused, false, false},
		{temporary, planner.StateExited, false, true},
		{temporary, planner.StateExited, true, false},
	} {
		const id = "shop-web-run.0123456789ab"
		if err := os.MkdirAll(h.cfg.Paths.Container(id), 0o700); err != nil {
			t.Fatal(err)
		}
		if c.attended {
			for range 2 { // several can
				f, err := h.Attend(id)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
			}
		}
		left, err := h.leftOver(planner.Container{ID: id, Spec: c.spec, State: c.state})
		if left != c.left || err != nil {
			t.Errorf("%s %q, temporary %v, attended %v: left over %v, %v", c.state, c.spec.Role, c.spec.Temporary, c.attended, left, err)
		}
		if err := os.RemoveAll(h.cfg.Paths.Containers()); err != nil {
			t.Fatal(err)
		}
	}
	if busy, err := h.attended("gone"); busy || err != nil {
		t.Errorf("what is not there: %v, %v", busy, err)
	}
}

func TestNamesOfOneOffs(t *testing.T) {
	on := project.Endpoint{Network: "shop_default", Aliases: []string{"www"}}
	var c containerd.Container
	c.ID = "shop-web-run.0123456789ab"
	c.Record.Spec = project.Service{Template: project.Container{Project: "shop", Service: "web"}}.AsOneOff("0123456789ab").Template
	got := namesIn(c, on)
	if len(got) != 3 || got[0] != "shop-web-run-0123456789ab" || got[2] != "www" {
		t.Errorf("%q", got)
	}
	c.Record.Spec.Role = "pre_start-1"
	if got := namesIn(c, on); got != nil {
		t.Errorf("what prepares a start is called %q", got)
	}
}
