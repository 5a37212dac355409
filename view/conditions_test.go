package view

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/planner/plantest"
	"github.com/gocompose/gocompose/project"
)

// stack is a world where cache runs, and a project where web needs db and cache
// healthy, migrate completed, and mail too, if it can be.
func stack(t *testing.T) (*plantest.World, *project.Project) {
	t.Helper()
	check := func(code string) *project.Healthcheck {
		return &project.Healthcheck{Test: []string{"CMD-SHELL", "exit " + code}}
	}
	cache, db, mail, migrate, web := service("cache"), service("db"), service("mail"), service("migrate"), service("web")
	cache.Template.Health, db.Template.Health, mail.Template.Health = check("0"), check("0"), check("1")
	migrate.Template.Command = []string{"sh", "-c", "exit 0"}
	migrate.Template.Needs = []project.Need{{Service: "db", Condition: project.Healthy}}
	web.Template.Needs = []project.Need{
		{Service: "cache", Condition: project.Healthy},
		{Service: "db", Condition: project.Healthy, Restart: true},
		{Service: "mail", Condition: project.Healthy, Optional: true},
		{Service: "migrate", Condition: project.Completed},
	}
	w := plantest.NewWorld()
	p := &project.Project{Name: "shop", Networks: []project.Network{{Name: "shop_default", Project: "shop"}}}
	p.Services = []project.Service{cache, db, mail, migrate, web}
	for _, s := range p.Services {
		w.Publish(s.Template.Image, "sha256:01")
		w.Load(s.Template.Image)
	}
	first := *p
	first.Services = p.Services[:1]
	first.Known = []string{"cache", "db", "mail", "migrate", "web"}
	carry(t, w, &first, "n1")
	return w, p
}

func stackPlan(t *testing.T) (*plantest.World, *planner.Plan) {
	t.Helper()
	w, p := stack(t)
	plan, err := planner.Up(p, w.Observe("shop"), planner.Options{Nonce: "n2", Wait: true, Selected: []string{"web"}})
	if err != nil {
		t.Fatal(err)
	}
	return w, plan
}

func TestPlanWithConditions(t *testing.T) {
	_, plan := stackPlan(t)
	var text, js, dot strings.Builder
	for _, err := range []error{Text(&text, plan), JSON(&js, plan), DOT(&dot, plan)} {
		if err != nil {
			t.Error(err)
		}
	}
	golden(t, "conditions.txt", text.String())
	golden(t, "conditions-steps.txt", plan.String())
	golden(t, "conditions.json", js.String())
	golden(t, "conditions.dot", dot.String())
}

// slowly shows how plan is carried out, one step at a time, where no two calls
// take equally long: what happens beside each other happens in one order.
func slowly(t *testing.T, w *plantest.World, plan *planner.Plan, p *Progress) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w.Delay = func(call string) time.Duration {
			d := time.Second
			for _, b := range []byte(call) {
				d += time.Duration(b) * time.Millisecond
			}
			return d
		}
		err = show(t, w, plan, p)
	})
	return err
}

func TestProgressOfConditions(t *testing.T) {
	for mode, file := range map[Mode]string{ModePlain: "conditions-progress.txt", ModeJSON: "conditions-progress.json"} {
		w, plan := stackPlan(t)
		var b bytes.Buffer
		if err := slowly(t, w, plan, NewProgress(&b, ProgressOptions{Mode: mode})); err != nil {
			t.Fatal(err)
		}
		golden(t, file, b.String())
	}
}

func TestProgressOfWaitsInVain(t *testing.T) {
	w, p := stack(t)
	p.Services[1].Template.Health = p.Services[2].Template.Health // which fails
	plan, err := planner.Up(p, w.Observe("shop"), planner.Options{Nonce: "n2"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := slowly(t, w, plan, NewProgress(&b, ProgressOptions{Mode: ModePlain})); err == nil {
		t.Error("no error")
	}
	golden(t, "conditions-progress-failure.txt", b.String())
}

// The texts of docker compose, which other tools match on.
func TestProgressOfVerbs(t *testing.T) {
	w, p := stack(t)
	carry(t, w, p, "n2")
	var b bytes.Buffer
	for _, f := range []func(*project.Project, planner.Observed, planner.Options) (*planner.Plan, error){
		planner.Pause, planner.Unpause, planner.Restart, planner.Kill, planner.Remove,
	} {
		plan, err := f(p, w.Observe("shop"), planner.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := slowly(t, w, plan, NewProgress(&b, ProgressOptions{Mode: ModePlain})); err != nil {
			t.Error(err)
		}
		b.WriteString("--\n")
		if err := Text(&b, plan); err != nil {
			t.Error(err)
		}
		b.WriteString("--\n")
	}
	golden(t, "verbs.txt", b.String())
}

func TestTerminalProgressOfConditions(t *testing.T) {
	w, plan := stackPlan(t)
	term := newTerminal(80, 24)
	synctest.Test(t, func(t *testing.T) {
		at := NewProgress(term, ProgressOptions{Mode: ModeTTY, Title: "up", Size: term.size})
		if err := show(t, w, plan, at); err != nil {
			t.Error(err)
		}
	})
	golden(t, "conditions-tty.txt", timers.ReplaceAllString(term.String(), "0.0s"))
}

var timers = regexp.MustCompile(`\d+\.\ds`)
