package supervisor

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
)

// step is one thing that happens, to one container or to all.
type step struct {
	what string
	id   string
	code int
	// then is how much time passes until the next step.
	then time.Duration
}

// history is a world that things happen to, with what the user wants of it.
type history struct {
	*bed
	wants    map[string]bool
	stopped  map[string]int // how often it had been started when the user stopped it
	exitCode map[string]int // how the last run ended, of those that have
	commands context.Context
}

// TestWhateverDiesWhatIsWantedRunsInTheEnd: after any order of ends, user's
// stops and starts, deaths of the engine and of the supervisor, the containers run
// whose policy and user say so, what the user has stopped was not started again,
// and nothing was ever started twice.
func TestWhateverDiesWhatIsWantedRunsInTheEnd(t *testing.T) {
	things := []string{"crash", "crash", "crash", "stop", "start", "engine dies", "engine and container die", "supervisor dies", "supervisor dies", "start fails", "unhealthy"}
	pauses := []time.Duration{0, time.Millisecond, 7 * time.Millisecond, 20 * time.Millisecond, 105 * time.Millisecond, 400 * time.Millisecond, 11 * time.Second}
	rapid.Check(t, func(rt *rapid.T) {
		var steps []step
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			steps = append(steps, step{
				what: rapid.SampledFrom(things).Draw(rt, "what"),
				id:   rapid.SampledFrom([]string{"always", "failure", "checked"}).Draw(rt, "container"),
				code: rapid.IntRange(0, 1).Draw(rt, "code"),
				then: rapid.SampledFrom(pauses).Draw(rt, "then"),
			})
		}
		var wrong []string
		synctest.Test(t, func(t *testing.T) { wrong = live(t, steps) })
		if len(wrong) > 0 {
			rt.Fatalf("%q", wrong)
		}
	})
}

func live(t *testing.T, steps []step) []string {
	commands, cancel := context.WithCancel(t.Context())
	defer cancel()
	h := &history{bed: newBed(t, newFake()), wants: map[string]bool{}, stopped: map[string]int{}, exitCode: map[string]int{}, commands: commands}
	h.fake.startTime = 5 * time.Millisecond
	h.fake.needed = true // or it would leave, and nobody here would start another
	h.fake.get("always").Restart = always
	h.fake.get("failure").Restart = project.Restart{Condition: project.RestartOnFailure}
	h.fake.get("checked").Restart = project.Restart{Unhealthy: true}
	h.fake.get("checked").Health = check(project.Healthcheck{Interval: 5 * time.Second, Retries: 1})
	h.fake.listens = []uint16{80}
	h.fake.ports = map[string][]endpoint.Port{}
	for id := range h.fake.containers { // as if they were replicas
		h.fake.ports[id] = []endpoint.Port{port(80, "tcp", "", 8080)}
	}
	h.supervise()
	for id := range h.fake.containers {
		h.do(step{what: "start", id: id, then: time.Millisecond})
	}
	for _, s := range steps {
		h.do(s)
	}
	time.Sleep(3 * time.Minute) // all delays are over
	wrong := h.judge()
	h.kill()
	return wrong
}

func (h *history) do(s step) {
	switch s.what {
	case "start":
		if err := h.fake.userStart(h.commands, s.id); err == nil {
			h.wants[s.id] = true
		} else if !errors.Is(err, errEngineDown) && err.Error() != "no such device" {
			h.fake.set(func() { h.fake.wrong = append(h.fake.wrong, err.Error()) })
		} else {
			h.wants[s.id] = false
			h.stopped[s.id] = len(h.fake.now(s.id).starts)
		}
	case "stop":
		if err := h.fake.userStop(s.id); err != nil {
			h.fake.set(func() { h.fake.wrong = append(h.fake.wrong, err.Error()) })
		}
		h.wants[s.id] = false
		h.stopped[s.id] = len(h.fake.now(s.id).starts)
	case "crash":
		if h.fake.now(s.id).Running {
			h.fake.exitWith(s.id, s.code)
		}
	case "engine dies":
		h.fake.die()
	case "engine and container die":
		if h.fake.now(s.id).Running {
			h.fake.die(s.id)
		}
	case "supervisor dies":
		h.kill()
		time.Sleep(s.then)
		h.supervise()
	case "start fails":
		h.fake.set(func() { h.fake.broke = 1 })
	case "unhealthy":
		sick := h.fake.now("checked").StartedAt
		h.fake.set(func() {
			h.fake.probe = func(context.Context, string) (health.Result, error) {
				r := health.Result{Start: time.Now(), End: time.Now()}
				if h.fake.now("checked").StartedAt.Equal(sick) {
					r.ExitCode = 1
				}
				return r, nil
			}
		})
	}
	time.Sleep(s.then)
}

// judge says what is wrong with how it ended.
func (h *history) judge() (wrong []string) {
	synctest.Wait()
	for _, id := range []string{"always", "failure", "checked"} {
		c := h.fake.now(id)
		status := h.s.statusOf(id)
		// Of a policy that depends on how the last run ended.
		ended := id == "failure" && c.ExitCode == 0 || id == "checked"
		switch {
		case !h.wants[id] && (c.Running || len(c.starts) != h.stopped[id]):
			wrong = append(wrong, fmt.Sprintf("%s runs: %v, started %d times after the user stopped it", id, c.Running, len(c.starts)-h.stopped[id]))
		case h.wants[id] && !c.Running && !ended:
			wrong = append(wrong, fmt.Sprintf("%s does not run: %+v", id, status))
		}
		if want := map[bool]Phase{true: PhaseRunning, false: PhaseAbsent}[c.Running]; status.Phase != want {
			wrong = append(wrong, fmt.Sprintf("%s is %s, want %s", id, status.Phase, want))
		}
		if held := h.s.isHeld(id); held != c.Running {
			wrong = append(wrong, fmt.Sprintf("%s runs: %v, held: %v", id, c.Running, held))
		}
		works := status.Health == nil || status.Health.Status == health.Healthy
		if c.Running && works && !h.takesPart(id) {
			wrong = append(wrong, id+" gets no connections")
		}
	}
	if p := h.s.report.list(); len(p) > 0 {
		wrong = append(wrong, p...)
	}
	return append(wrong, h.fake.wrong...)
}

// takesPart says whether connections to ports that it shares go to the
// container, by the relay and by the kernel.
func (h *history) takesPart(id string) (part bool) {
	e, err := endpoint.Read(h.paths.Endpoints(), id)
	h.s.with(id, func(c *container) {
		part = err == nil && !e.Resting && c.held != nil && !c.held.endpoint.Resting
	})
	return part
}

func (s *supervisor) isHeld(id string) (held bool) {
	s.with(id, func(c *container) { held = c.held != nil })
	return held
}
