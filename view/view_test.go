package view

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/planner/plantest"
	"github.com/gocompose/gocompose/project"
)

var rewrite = flag.Bool("update", false, "write what comes out into testdata")

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got:\n%s\nwant:\n%s", name, got, want)
	}
}

const secret = "hunter2"

// shop is a world where web runs and cache stands still, and what is wanted of
// it: db is new, web is to be replaced, cache to be started, api runs.
func shop(t *testing.T) (*plantest.World, *project.Project) {
	t.Helper()
	w := plantest.NewWorld()
	p := &project.Project{
		Name:     "shop",
		Networks: []project.Network{{Name: "shop_default", Project: "shop"}},
		Volumes:  []project.Volume{{Name: "shop_data", Project: "shop"}},
	}
	for _, name := range []string{"api", "cache", "old", "web"} {
		p.Services = append(p.Services, service(name))
	}
	p.Services[1].Template.Ports = nil
	for _, s := range append(p.Services, service("db")) {
		w.Publish(s.Template.Image, "sha256:01")
	}
	carry(t, w, p, "n1")
	for _, c := range w.Observe("shop").Containers {
		if c.Spec.Service == "cache" {
			w.Kill(c.ID)
		}
	}
	db := service("db")
	db.Template.Mounts = []project.Mount{{Type: project.MountVolume, Source: "shop_data", Target: "/data"}}
	web := service("web")
	web.Template.Env = map[string]string{"DEBUG": secret}
	web.Template.Labels = map[string]string{"token": secret}
	web.Template.Command = []string{"--password", secret}
	web.Template.User = "www"
	web.Template.Needs = []project.Need{{Service: "db"}}
	p.Services = []project.Service{p.Services[0], p.Services[1], db, web}
	return w, p
}

func service(name string) project.Service {
	return project.Service{Name: name, Replicas: 1, Template: project.Container{
		Project: "shop", Service: name, Image: "docker.io/library/" + name + ":1",
		Networks:  []project.Endpoint{{Network: "shop_default"}},
		StopGrace: 10 * time.Second,
	}}
}

func carry(t *testing.T, w *plantest.World, p *project.Project, nonce string) {
	t.Helper()
	plan, err := planner.Up(p, w.Observe("shop"), planner.Options{Nonce: nonce})
	if err != nil {
		t.Fatal(err)
	}
	if err := executor.Apply(t.Context(), plan, w, executor.Options{}); err != nil {
		t.Fatal(err)
	}
}

func shopPlan(t *testing.T, opt planner.Options) (*plantest.World, *planner.Plan) {
	t.Helper()
	w, p := shop(t)
	opt.Nonce = "n2"
	plan, err := planner.Up(p, w.Observe("shop"), opt)
	if err != nil {
		t.Fatal(err)
	}
	return w, plan
}

func TestPlanForms(t *testing.T) {
	_, plan := shopPlan(t, planner.Options{})
	var text, js, dot strings.Builder
	for _, err := range []error{Text(&text, plan), JSON(&js, plan), DOT(&dot, plan)} {
		if err != nil {
			t.Error(err)
		}
	}
	golden(t, "plan.txt", text.String())
	golden(t, "plan-steps.txt", plan.String())
	golden(t, "plan.json", js.String())
	golden(t, "plan.dot", dot.String())
	if all := text.String() + plan.String() + js.String() + dot.String(); strings.Contains(all, secret) {
		t.Error("a value of a variable, label or command is shown")
	}
}

// That an image is looked for in its registry before it is built is told.
func TestAPlanTellsOfAPullThatIsTried(t *testing.T) {
	p := &project.Project{Name: "p", Services: []project.Service{
		{Name: "tried", Replicas: 1, Build: &project.Build{Named: true}, Template: project.Container{Project: "p", Service: "tried", Image: "tried:1"}},
		{Name: "own", Replicas: 1, Build: &project.Build{}, Template: project.Container{Project: "p", Service: "own", Image: "p-own"}},
	}}
	plan, err := planner.Up(p, planner.Observed{}, planner.Options{Nonce: "n"})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := Text(&text, plan); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"@ image/p-own        missing\n", "@ image/tried:1      missing, built if it cannot be pulled\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%swithout %s", &text, want)
		}
	}
}

func TestEmptyPlan(t *testing.T) {
	var text, js strings.Builder
	plan := &planner.Plan{Project: "shop"}
	if err := Text(&text, plan); err != nil || text.String() != "Nothing to do.\n" {
		t.Error(err, text.String())
	}
	if err := JSON(&js, plan); err != nil {
		t.Error(err)
	}
	golden(t, "plan-empty.json", js.String())
}

func TestAPlanHasNoPasswordOfAContext(t *testing.T) {
	var js strings.Builder
	plan := &planner.Plan{Steps: []planner.Step{{Op: planner.BuildImage{
		Ref: "web", Build: project.Build{Context: "https://me:hunter2@example.com/b.git#v1"},
	}}}}
	if err := JSON(&js, plan); err != nil || strings.Contains(js.String(), "hunter2") || !strings.Contains(js.String(), "https://example.com/b.git#v1") {
		t.Error(err, js.String())
	}
}

func TestTable(t *testing.T) {
	table := NewTable("NAME", "IMAGE", "PORTS")
	table.Row("shop-web-1", "nginx", "0.0.0.0:80->80/tcp")
	table.Row("a", "a name that is\nlong", "")
	var b strings.Builder
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	want := "NAME         IMAGE                 PORTS\n" +
		"shop-web-1   nginx                 0.0.0.0:80->80/tcp\n" +
		"a            a name that is long\n"
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
	b.Reset()
	if err := NewTable("NAME", "IMAGE", "PORTS").Write(&b); err != nil || b.String() != "NAME      IMAGE     PORTS\n" {
		t.Errorf("%q %v", b.String(), err)
	}
}

func TestLook(t *testing.T) {
	for _, c := range []struct {
		look    Look
		asked   Mode
		colours bool
		mode    Mode
	}{
		{Look{Terminal: true}, ModeAuto, true, ModeTTY},
		{Look{Terminal: true}, "", true, ModeTTY},
		{Look{Terminal: true, Term: "dumb"}, "", false, ModePlain},
		{Look{Terminal: true, NoColor: "1"}, "", false, ModeTTY},
		{Look{Terminal: true, ANSI: "never"}, "", false, ModePlain},
		{Look{Terminal: true, ANSI: "auto"}, ModeJSON, true, ModeJSON},
		{Look{}, ModeAuto, false, ModePlain},
		{Look{}, ModeTTY, false, ModeTTY},
		{Look{ANSI: "always", NoColor: "1"}, ModeAuto, true, ModeTTY},
	} {
		if got := c.look.Colours(); got != c.colours {
			t.Errorf("%+v: colours: %v", c.look, got)
		}
		if got := c.look.Mode(c.asked); got != c.mode {
			t.Errorf("%+v: mode %q: %q", c.look, c.asked, got)
		}
	}
}
