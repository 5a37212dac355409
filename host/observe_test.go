package host

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
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
			l, err := h.state(c.engine)
			if err != nil {
				t.Fatal(err)
			}
			if l.state != c.want || l.ExitCode != c.code || !l.ExitedAt.Equal(c.ended) {
				t.Errorf("%s, exit code %d at %v; want %s, %d, %v", l.state, l.ExitCode, l.ExitedAt, c.want, c.code, c.ended)
			}
			if running := c.want == planner.StateRunning || c.want == planner.StatePaused; l.Running != running {
				t.Errorf("running is %v", l.Running)
			}
		})
	}
}

func TestAnUnreadableStateIsAnError(t *testing.T) {
	h := &Host{cfg: Config{Paths: paths.Paths{Root: t.TempDir()}}}
	dir := h.cfg.Paths.Container("x")
	if err := os.MkdirAll(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "state.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.state(containerd.Container{ID: "x"}); err == nil {
		t.Error("no error")
	}
}

func TestAPortBelongsToWhoeverPublishesItOnTheSameAddress(t *testing.T) {
	published := func(project_, ip string) endpoint.Endpoint {
		p := project.Port{HostIP: ip, Published: 8080, Target: 80, Protocol: "tcp"}
		return endpoint.Endpoint{Name: project_ + "-web-1", Project: project_, Ports: []endpoint.Port{{Port: p, HostPort: 8080}}}
	}
	want := func(ip, protocol string, number uint16) project.Port {
		return project.Port{HostIP: ip, Published: number, Target: 80, Protocol: protocol}
	}
	ours, other := published("shop", ""), published("blog", "")
	for _, c := range []struct {
		name   string
		held   []endpoint.Endpoint
		want   project.Port
		holder string // "" nobody, else the project's
	}{
		{"nobody's", nil, want("", "tcp", 8080), ""},
		{"of our own project", []endpoint.Endpoint{ours}, want("", "tcp", 8080), "shop"},
		{"of another project", []endpoint.Endpoint{other}, want("", "tcp", 8080), "blog"},
		{"one address of all", []endpoint.Endpoint{other}, want("127.0.0.1", "tcp", 8080), "blog"},
		{"all addresses, of which one is held", []endpoint.Endpoint{published("blog", "127.0.0.1")}, want("", "tcp", 8080), "blog"},
		{"all of IPv4 in digits", []endpoint.Endpoint{published("blog", "0.0.0.0")}, want("127.0.0.1", "tcp", 8080), "blog"},
		{"one address of all of IPv4", []endpoint.Endpoint{published("blog", "127.0.0.1")}, want("0.0.0.0", "tcp", 8080), "blog"},
		{"another address", []endpoint.Endpoint{published("blog", "127.0.0.2")}, want("127.0.0.1", "tcp", 8080), ""},
		{"IPv6 beside IPv4", []endpoint.Endpoint{published("blog", "::")}, want("0.0.0.0", "tcp", 8080), ""},
		{"another protocol", []endpoint.Endpoint{other}, want("", "udp", 8080), ""},
		{"another port", []endpoint.Endpoint{other}, want("", "tcp", 8081), ""},
		{
			"ours on one address, another's on the next",
			[]endpoint.Endpoint{published("shop", "127.0.0.1"), published("blog", "127.0.0.2")},
			want("", "tcp", 8080), "blog",
		},
	} {
		e, held := holder(c.held, c.want, "shop")
		if held != (c.holder != "") || e.Project != c.holder {
			t.Errorf("%s: held %v by %q, want %q", c.name, held, e.Project, c.holder)
		}
	}
}
