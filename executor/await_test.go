package executor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/planner/plantest"
	"github.com/gocompose/gocompose/project"
)

var (
	passes = &project.Healthcheck{Test: []string{"CMD-SHELL", "exit 0"}}
	fails  = &project.Healthcheck{Test: []string{"CMD-SHELL", "exit 1"}}
)

// stack is db, which web needs as n says, and a world for it.
func stack(db project.Container, n project.Need) (*project.Project, *plantest.World) {
	p := shop("db", "web")
	db.Project, db.Service, db.Image, db.Name = "shop", "db", "db:1", "shop-db-1"
	p.Services[0].Template = db
	n.Service = "db"
	p.Services[1].Template.Needs = []project.Need{n}
	return p, world(p)
}

func running(w *plantest.World) []string {
	var out []string
	for _, c := range w.Observe("shop").Containers {
		if c.State == planner.StateRunning {
			out = append(out, c.Spec.Service)
		}
	}
	return out
}

func TestAConditionThatDoesNotHoldReadsAsDockersAndSkipsWhoNeedsIt(t *testing.T) {
	exits := func(code int) project.Container {
		return project.Container{Command: []string{"sh", "-c", fmt.Sprint("exit ", code)}}
	}
	for _, c := range []struct {
		name  string
		db    project.Container
		until project.Condition
		want  string
	}{
		{"unhealthy", project.Container{Health: fails}, project.Healthy, "dependency failed to start: container shop-db-1 is unhealthy"},
		{"no check", project.Container{}, project.Healthy, "dependency failed to start: container shop-db-1 has no healthcheck configured"},
		{"ended", exits(2), project.Healthy, "dependency failed to start: container shop-db-1 exited (2)"},
		{"failed", exits(3), project.Completed, `service "db" didn't complete successfully: exit 3`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, w := stack(c.db, project.Need{Condition: c.until})
			var j journal
			err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{Events: j.add})
			var why *planner.AwaitError
			if !errors.As(err, &why) || why.Service != "db" || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if got := fmt.Sprint(j.of(executor.Skipped)); got != "[start container/web-1]" {
				t.Error(got)
			}
		})
	}
}

func TestAnOptionalConditionIsOnlyAWarning(t *testing.T) {
	for want, c := range map[string]struct {
		db    project.Container
		until project.Condition
	}{
		`optional dependency "db" is not healthy: container shop-db-1 is unhealthy`: {project.Container{Health: fails}, project.Healthy},
		`optional dependency "db" didn't complete successfully: exit 3`:             {project.Container{Command: []string{"exit 3"}}, project.Completed},
	} {
		p, w := stack(c.db, project.Need{Condition: c.until, Optional: true})
		var warned []executor.Event
		err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{Events: func(e executor.Event) {
			if e.Phase == executor.Warned {
				warned = append(warned, e)
			}
		}})
		if err != nil || !slices.Contains(running(w), "web") {
			t.Errorf("%v; there run %v", err, running(w))
		}
		var why *planner.AwaitError
		if len(warned) != 1 || warned[0].Err.Error() != want || !errors.As(warned[0].Err, &why) {
			t.Errorf("got %+v, want %s", warned, want)
		}
	}
}

// What need not be there does not keep others from starting, wherever it fails;
// but that it failed is said.
func TestWhatOnlyComesAfterBeginsThoughTheOtherFails(t *testing.T) {
	for _, fault := range []string{"pull db:1", "create shop-db-1", "start shop-db-1"} {
		p, w := stack(project.Container{Health: passes}, project.Need{Condition: project.Healthy, Optional: true})
		w.Fault = failing(fault)
		if err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{}); err == nil {
			t.Errorf("%s: no error", fault)
		}
		if got := running(w); !slices.Equal(got, []string{"web"}) {
			t.Errorf("%s: there run %v", fault, got)
		}
	}
}

// A condition that hangs holds up no other step, however few there may be at
// once.
func TestWaitingTakesNobodysPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := shop("db", "lone", "more:lone", "web")
		p.Services[0].Template.Health = passes
		p.Services[3].Template.Needs = []project.Need{{Service: "db", Condition: project.Healthy}}
		w := world(p)
		w.Delay = func(call string) time.Duration {
			if strings.HasPrefix(call, "await-") {
				return time.Hour
			}
			return time.Second
		}
		began := time.Now()
		at := map[planner.StepID]time.Duration{}
		err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{
			Parallel: 1, Limits: executor.DefaultLimits(1),
			Events: func(e executor.Event) {
				if e.Phase == executor.Done {
					at[e.Step] = time.Since(began)
				}
			},
		})
		if err != nil || at["start container/more-1"] > time.Minute || at["start container/web-1"] < time.Hour {
			t.Errorf("%v; done %v", err, at)
		}
	})
}

var errLate = errors.New("application not healthy after 10s")

// Docker compose's --wait ended well when it timed out.
func TestATimeoutIsAlwaysAnError(t *testing.T) {
	for name, need := range map[string]project.Need{
		"needed":   {Condition: project.Completed},
		"optional": {Condition: project.Completed, Optional: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, w := stack(project.Container{}, need) // which never completes
				ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, errLate)
				defer cancel()
				var j journal
				err := executor.Apply(ctx, upPlan(t, p, w), w, executor.Options{Events: j.add})
				var ae *executor.ApplyError
				if !errors.As(err, &ae) || !ae.TimedOut || !errors.Is(err, errLate) {
					t.Fatal(err)
				}
				if want := "application not healthy after 10s: still waiting for container/db-1"; err.Error() != want {
					t.Errorf("got %s", err)
				}
				if len(j.of(executor.Warned)) > 0 || slices.Contains(running(w), "web") {
					t.Errorf("%v; there run %v", j, running(w))
				}
			})
		})
	}
}

// sleepy is awake when the time is over, and says what it says then.
type sleepy struct {
	*plantest.World
	says func(context.Context) error
}

func (s sleepy) AwaitContainer(ctx context.Context, _ string, _ project.Condition) error {
	<-ctx.Done()
	return s.says(ctx)
}

func TestATimeoutIsAnErrorWhateverTheBackendSays(t *testing.T) {
	for name, says := range map[string]func(context.Context) error{
		"nothing":   func(context.Context) error { return nil },
		"its end":   context.Context.Err,
		"its cause": context.Cause,
		"both":      func(ctx context.Context) error { return fmt.Errorf("asking: %w: %w", ctx.Err(), context.Cause(ctx)) },
	} {
		for _, optional := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s-optional-%v", name, optional), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p, w := stack(project.Container{Health: passes}, project.Need{Condition: project.Healthy, Optional: optional})
					ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, errLate)
					defer cancel()
					err := executor.Apply(ctx, upPlan(t, p, w), sleepy{w, says}, executor.Options{})
					if !errors.Is(err, errLate) || err.Error() != "application not healthy after 10s: still waiting for container/db-1" {
						t.Error(err)
					}
				})
			})
		}
	}
}

// What is needed for nothing any more is not waited for; what the user asked to
// wait for is.
func TestAWaitIsGivenUpWhenNobodyNeedsIt(t *testing.T) {
	for _, wait := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := shop("db", "slow", "web", "zed:web")
			p.Services[1].Template.Health = passes
			p.Services[2].Template.Needs = []project.Need{{Service: "db"}, {Service: "slow", Condition: project.Healthy}}
			w := world(p)
			w.Fault = failing("start shop-db-1")
			w.Delay = func(call string) time.Duration {
				switch {
				case strings.HasPrefix(call, "await-"):
					return time.Hour
				case strings.HasPrefix(call, "start shop-db-1"):
					return time.Minute
				}
				return 0
			}
			plan, err := planner.Up(p, w.Observe("shop"), planner.Options{Nonce: "n1", Wait: wait, Selected: []string{"slow"}})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			var j journal
			err = executor.Apply(t.Context(), plan, w, executor.Options{Events: j.add})
			if want := "starting container/db-1: injected before start shop-db-1.n1"; err == nil || err.Error() != want {
				t.Error(err)
			}
			if took := time.Since(began); (took >= time.Hour) != wait {
				t.Errorf("took %v", took)
			}
			if got := fmt.Sprint(j.of(executor.Skipped)); got != "[await-healthy container/slow-1 start container/web-1 start container/zed-1]" {
				t.Error(got)
			}
		})
	}
}
