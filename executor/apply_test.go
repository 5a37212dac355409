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

// shop is a project of services with an image each; "web:db" needs db.
func shop(services ...string) *project.Project {
	p := &project.Project{Name: "shop"}
	for _, s := range services {
		name, need, _ := strings.Cut(s, ":")
		c := project.Container{Project: "shop", Service: name, Image: name + ":1"}
		if need != "" {
			c.Needs = []project.Need{{Service: need}}
		}
		p.Services = append(p.Services, project.Service{Name: name, Replicas: 1, Template: c})
	}
	return p
}

func world(p *project.Project) *plantest.World {
	w := plantest.NewWorld()
	for _, s := range p.Services {
		w.Publish(s.Template.Image, "sha256:01")
	}
	return w
}

func upPlan(t *testing.T, p *project.Project, w *plantest.World) *planner.Plan {
	t.Helper()
	plan, err := planner.Up(p, w.Observe("shop"), planner.Options{Nonce: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// failing makes the calls that begin with one of prefixes fail.
func failing(prefixes ...string) func(string) plantest.Fault {
	return func(call string) plantest.Fault {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(call, p) }) {
			return plantest.Before
		}
		return plantest.None
	}
}

// journal collects events as "phase step".
type journal []string

func (j *journal) add(e executor.Event) { *j = append(*j, string(e.Phase)+" "+string(e.Step)) }

func (j journal) of(phase executor.Phase) []string {
	var out []string
	for _, line := range j {
		if step, ok := strings.CutPrefix(line, string(phase)+" "); ok {
			out = append(out, step)
		}
	}
	return out
}

func TestFailureSkipsWhatNeedsItAndNothingElse(t *testing.T) {
	p := shop("db", "lone", "web:db")
	w := world(p)
	w.Fault = failing("start shop-db-1")
	var j journal
	err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{Events: j.add})
	var ae *executor.ApplyError
	if !errors.As(err, &ae) {
		t.Fatal(err)
	}
	if got := fmt.Sprint(j.of(executor.Failed), j.of(executor.Skipped), ae.Skipped, ae.Done); got !=
		"[start container/db-1] [start container/web-1] [start container/web-1] 7" {
		t.Error(got)
	}
	if err.Error() != "starting container/db-1: injected before start shop-db-1.n1" {
		t.Error(err)
	}
	for _, c := range w.Observe("shop").Containers {
		if want := c.Spec.Service == "lone"; c.Running() != want {
			t.Errorf("%s runs: %v", c.ID, c.Running())
		}
	}
}

func TestSkippingGoesOnThroughTheGraph(t *testing.T) {
	p := shop("db", "web:db", "zed:web")
	w := world(p)
	w.Fault = failing("pull db:1")
	err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{})
	var ae *executor.ApplyError
	if !errors.As(err, &ae) {
		t.Fatal(err)
	}
	slices.Sort(ae.Skipped)
	if got := fmt.Sprint(ae.Skipped); got != "[create container/db-1 start container/db-1 start container/web-1 start container/zed-1]" {
		t.Error(got)
	}
}

// A replacement that cannot be made leaves what runs alone.
func TestWhatRunsKeepsRunningWhenItsReplacementFails(t *testing.T) {
	p := shop("web")
	w := world(p)
	if err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	p.Services[0].Template.Image = "nowhere:1"
	plan, err := planner.Up(p, w.Observe("shop"), planner.Options{Nonce: "n2"})
	if err != nil {
		t.Fatal(err)
	}
	if err := executor.Apply(t.Context(), plan, w, executor.Options{}); err == nil {
		t.Fatal("no error")
	}
	if list := w.Observe("shop").Containers; len(list) != 1 || !list[0].Running() {
		t.Errorf("there is %+v", list)
	}
}

// Nor does it stop what runs when something that the replacement needs cannot
// be made.
func TestWhatRunsKeepsRunningWhenItsDependencyFails(t *testing.T) {
	p := shop("db", "other", "web:db")
	w := world(p)
	if err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	for i := range p.Services {
		p.Services[i].Template.User = "www"
	}
	p.Services[0].Template.Image = "nowhere:1"
	plan, err := planner.Up(p, w.Observe("shop"), planner.Options{Nonce: "n2"})
	if err != nil {
		t.Fatal(err)
	}
	if err := executor.Apply(t.Context(), plan, w, executor.Options{}); err == nil {
		t.Fatal("no error")
	}
	var running []string
	for _, c := range w.Observe("shop").Containers {
		if c.Running() {
			running = append(running, c.ID)
		}
	}
	if got := fmt.Sprint(running); got != "[shop-db-1.n1 shop-other-1.n2 shop-web-1.n1]" {
		t.Error(got)
	}
}

func TestStepsRunSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := shop("a", "b", "c", "d")
		w := world(p)
		w.Delay = func(string) time.Duration { return time.Second }
		began := time.Now()
		if err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 3*time.Second { // pull, create, start
			t.Errorf("took %v", took)
		}
	})
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name string
		opt  executor.Options
		want time.Duration
	}{
		{"one pull at a time", executor.Options{Limits: map[planner.Verb]int{planner.VerbPull: 1}}, 6 * time.Second},
		{"two starts at a time", executor.Options{Limits: map[planner.Verb]int{planner.VerbStart: 2}}, 4 * time.Second},
		{"two steps at a time", executor.Options{Parallel: 2}, 6 * time.Second},
		{"one step at a time", executor.Options{Parallel: 1}, 12 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := shop("a", "b", "c", "d")
				w := world(p)
				w.Delay = func(string) time.Duration { return time.Second }
				busy, most := 0, 0
				c.opt.Events = func(e executor.Event) {
					switch e.Phase {
					case executor.Running:
						busy++
					case executor.Done:
						busy--
					}
					most = max(most, busy)
				}
				began := time.Now()
				if err := executor.Apply(t.Context(), upPlan(t, p, w), w, c.opt); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took != c.want {
					t.Errorf("took %v, want %v", took, c.want)
				}
				if c.opt.Parallel > 0 && most > c.opt.Parallel {
					t.Errorf("%d at once", most)
				}
			})
		})
	}
}

// A slow step of one kind does not keep others from starting.
func TestALimitHoldsUpNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := shop("a", "b")
		w := world(p)
		w.Load("b:1")
		w.Delay = func(call string) time.Duration {
			if strings.HasPrefix(call, "pull") {
				return time.Hour
			}
			return time.Second
		}
		var started time.Duration
		began := time.Now()
		err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{
			Limits: map[planner.Verb]int{planner.VerbPull: 1},
			Events: func(e executor.Event) {
				if e.Phase == executor.Done && e.Step == "start container/b-1" {
					started = time.Since(began)
				}
			},
		})
		if err != nil || started != 2*time.Second {
			t.Errorf("b started after %v: %v", started, err)
		}
	})
}

func TestNothingStartsAfterTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := shop("a", "b:a")
		w := world(p)
		w.Delay = func(string) time.Duration { return time.Second }
		ctx, cancel := context.WithCancelCause(t.Context())
		interrupt := errors.New("interrupt")
		time.AfterFunc(1500*time.Millisecond, func() { cancel(interrupt) })
		var j journal
		began := time.Now()
		err := executor.Apply(ctx, upPlan(t, p, w), w, executor.Options{Events: j.add})
		if took := time.Since(began); took != 1500*time.Millisecond {
			t.Errorf("took %v", took)
		}
		var ae *executor.ApplyError
		if !errors.As(err, &ae) || !errors.Is(err, interrupt) || !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if got := fmt.Sprint(j.of(executor.Skipped)); got != "[start container/a-1 start container/b-1]" {
			t.Error(got)
		}
		if len(ae.Failed) != 2 || ae.Done != 2 {
			t.Errorf("failed %v, done %d", ae.Failed, ae.Done)
		}
	})
}

func TestAnEndedContextStartsNothing(t *testing.T) {
	p := shop("a")
	w := world(p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := executor.Apply(ctx, upPlan(t, p, w), w, executor.Options{})
	if !errors.Is(err, context.Canceled) || len(w.Calls()) > 0 {
		t.Error(err, w.Calls())
	}
	if err := executor.Apply(ctx, &planner.Plan{}, w, executor.Options{}); err != nil {
		t.Errorf("nothing to do, and yet %v", err)
	}
}

func TestEventsTellOfEveryStepInOrder(t *testing.T) {
	p := shop("a")
	w := world(p)
	var j journal
	var e executor.Event
	err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{Events: func(n executor.Event) {
		j.add(n)
		if n.Phase == executor.Working {
			e = n
		}
	}})
	want := []string{
		"running pull image/a:1", "working pull image/a:1", "done pull image/a:1",
		"running create container/a-1", "done create container/a-1",
		"running start container/a-1", "done start container/a-1",
	}
	if err != nil || !slices.Equal(j, want) {
		t.Errorf("%v\n%q", err, j)
	}
	if pull, ok := e.Op.(planner.PullImage); !ok || pull.Ref != "a:1" || e.Current != 1 || e.Total != 2 || e.Time.IsZero() {
		t.Errorf("%+v", e)
	}
}

// chatty goes on telling of progress when its call is over.
type chatty struct {
	*plantest.World
	tell func(func(executor.Progress))
}

func (c chatty) PullImage(ctx context.Context, image project.Image, progress func(executor.Progress)) error {
	defer c.tell(progress)
	return c.World.PullImage(ctx, image, progress)
}

func TestLateProgressBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := shop("a")
		w := world(p)
		finished := 0
		late := chatty{w, func(progress func(executor.Progress)) {
			go func() {
				time.Sleep(time.Minute)
				progress(executor.Progress{Current: 2, Total: 2})
				finished++
			}()
		}}
		if err := executor.Apply(t.Context(), upPlan(t, p, w), late, executor.Options{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if finished != 1 {
			t.Error("the late progress is stuck")
		}
	})
}

func TestDefaultLimits(t *testing.T) {
	limits := executor.DefaultLimits(1)
	for _, v := range []planner.Verb{planner.VerbPull, planner.VerbCreate, planner.VerbStart, planner.VerbStop, planner.VerbRemove} {
		if limits[v] < 1 {
			t.Errorf("%s is not limited", v)
		}
	}
	for _, v := range []planner.Verb{planner.VerbAwaitHealthy, planner.VerbAwaitCompleted, planner.VerbAwaitReady} {
		if limits[v] != 0 {
			t.Errorf("%s is limited, and could keep from starting what it waits for", v)
		}
	}
}

func TestAnOptionalImageThatFailsIsAWarning(t *testing.T) {
	p := shop("a", "b")
	w := world(p)
	w.Fault = failing("pull a:1", "push b:1")
	for _, op := range []planner.Op{planner.PullImage{Ref: "a:1", Optional: true}, planner.PushImage{Ref: "b:1", Optional: true}} {
		var phases []executor.Phase
		plan := &planner.Plan{Steps: []planner.Step{{Op: op}}}
		err := executor.Apply(t.Context(), plan, w, executor.Options{Events: func(e executor.Event) { phases = append(phases, e.Phase) }})
		if err != nil || phases[len(phases)-1] != executor.Warned {
			t.Errorf("%v: %v, %v", op, err, phases)
		}
	}
	plan := &planner.Plan{Steps: []planner.Step{{Op: planner.PullImage{Ref: "a:1"}}}}
	if err := executor.Apply(t.Context(), plan, w, executor.Options{}); err == nil {
		t.Error("no error")
	}
}
