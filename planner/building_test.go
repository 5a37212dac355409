package planner_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// built returns a service that is built, and runs once.
func built(name, image string, b project.Build) project.Service {
	b.Named = image != ""
	if image == "" {
		image = "p-" + name
	}
	if b.Context == "" {
		b.Context = "/src/" + name
	}
	b.Owner = name
	return project.Service{Name: name, Replicas: 1, Build: &b, Template: project.Container{Project: "p", Service: name, Image: image}}
}

func ofServices(services ...project.Service) *project.Project {
	p := &project.Project{Name: "p", Services: services}
	for _, s := range services {
		p.Known = append(p.Known, s.Name)
	}
	return p
}

func TestWhatIsBuiltAndWhen(t *testing.T) {
	never := project.PullPolicy{When: project.PullNever}
	with := func(s project.Service, when project.PullTime) project.Service {
		s.Pull = project.PullPolicy{When: when}
		return s
	}
	plain := func(name, image string) project.Service {
		return project.Service{Name: name, Replicas: 1, Template: project.Container{Project: "p", Service: name, Image: image}}
	}
	for _, tt := range []struct {
		name string
		of   []project.Service
		base []project.Service
		here string
		opt  planner.Options
		want string // of Refresh, a line a step
		err  string
	}{
		{name: "what has no name is not pulled", of: []project.Service{built("web", "", project.Build{})},
			want: "build image/p-web (missing)"},
		{name: "what is here stays", of: []project.Service{built("web", "", project.Build{}), built("api", "api:1", project.Build{})}, here: "p-web api:1"},
		{name: "a name is looked for in a registry", of: []project.Service{built("web", "web:1", project.Build{})},
			want: "pull image/web:1 (missing)\nbuild image/web:1 (missing)\n\tafter pull image/web:1, even if it fails"},
		{name: "unless it is never pulled", of: []project.Service{with(built("web", "web:1", project.Build{}), project.PullNever)},
			want: "build image/web:1 (missing)"},
		{name: "or the flag says so", of: []project.Service{built("web", "web:1", project.Build{})}, opt: planner.Options{Pull: &never},
			want: "build image/web:1 (missing)"},
		{name: "pull_policy build", of: []project.Service{with(built("web", "web:1", project.Build{}), project.PullBuild), built("api", "", project.Build{})}, here: "web:1 p-api",
			want: "build image/web:1 (pull_policy build)"},
		{name: "pull_policy always", of: []project.Service{with(built("web", "web:1", project.Build{}), project.PullAlways)}, here: "web:1",
			want: "pull image/web:1 (pull_policy )"},
		{name: "pull_policy always of what has no name", of: []project.Service{with(built("web", "", project.Build{}), project.PullAlways)}, here: "p-web"},
		{name: "--build", of: []project.Service{built("web", "web:1", project.Build{}), plain("db", "db:1")}, here: "web:1", opt: planner.Options{Build: planner.BuildAlways},
			want: "build image/web:1 (requested)"},
		{name: "--build goes before --pull", of: []project.Service{built("web", "web:1", project.Build{})},
			opt: planner.Options{Build: planner.BuildAlways, Pull: &project.PullPolicy{When: project.PullAlways}}, want: "build image/web:1 (requested)"},
		{name: "--no-build", of: []project.Service{built("web", "", project.Build{}), with(built("api", "api:1", project.Build{}), project.PullBuild)}, here: "api:1",
			opt: planner.Options{Build: planner.BuildNever}},
		{name: "no container is wanted", of: []project.Service{func() project.Service {
			s := built("web", "", project.Build{})
			s.Replicas = 0
			return s
		}()}, want: "build image/p-web (missing)"},
		{name: "one image of several services is built once", of: []project.Service{
			built("a", "x:1", project.Build{Context: "/src"}), built("b", "x:1", project.Build{Context: "/src"}), plain("c", "x:1")}, here: "nothing",
			opt: planner.Options{Pull: &never}, want: "build image/x:1 (missing)"},
		{name: "two ways to make one image", of: []project.Service{
			built("a", "x:1", project.Build{Clashes: []string{"a and b"}}), built("b", "x:1", project.Build{Clashes: []string{"a and b"}})},
			opt: planner.Options{Build: planner.BuildAlways}, err: "a and b"},
		{name: "of which both are here", of: []project.Service{
			built("a", "x:1", project.Build{Clashes: []string{"a and b"}}), built("b", "x:1", project.Build{Clashes: []string{"a and b"}})}, here: "x:1"},
		{name: "what another service builds", of: []project.Service{plain("a", "x:1"), built("b", "x:1", project.Build{})}, opt: planner.Options{Pull: &never},
			want: "build image/x:1 (missing)"},
		{name: "by a tag of it", of: []project.Service{plain("a", "x:2"), built("b", "x:1", project.Build{Tags: []string{"x:2"}})}, here: "x:1",
			opt: planner.Options{Pull: &never}, want: "build image/x:1 (missing)"},
		{name: "contexts are built before", of: []project.Service{
			built("app", "", project.Build{Contexts: map[string]string{"a": "service:lib", "b": "service:other"}}), built("lib", "", project.Build{})},
			base: []project.Service{built("other", "", project.Build{Contexts: map[string]string{"x": "service:lib"}})},
			here: "p-lib p-other",
			want: "build image/p-lib (needed by service/app)\nbuild image/p-other (needed by service/app)\n\tafter build image/p-lib\n" +
				"build image/p-app (missing)\n\tafter build image/p-lib\n\tafter build image/p-other"},
		{name: "and what FROM names, when it is not here", of: []project.Service{
			built("app", "", project.Build{Bases: []string{"base:1", "alpine"}}), built("second", "", project.Build{Bases: []string{"here:1"}})},
			base: []project.Service{built("base", "base:1", project.Build{}), built("here", "here:1", project.Build{})}, here: "here:1",
			opt: planner.Options{Pull: &never},
			want: "build image/base:1 (missing)\nbuild image/p-app (missing)\n\tafter build image/base:1\n" +
				"build image/p-second (missing)"},
		{name: "or is built anyway", of: []project.Service{
			built("app", "", project.Build{Bases: []string{"p-base"}}), built("base", "", project.Build{})}, here: "p-app p-base",
			opt:  planner.Options{Build: planner.BuildAlways},
			want: "build image/p-base (requested)\nbuild image/p-app (requested)\n\tafter build image/p-base"},
		{name: "a cycle of FROM is none", of: []project.Service{
			built("a", "", project.Build{Bases: []string{"p-b"}}), built("b", "", project.Build{Bases: []string{"p-c"}}), built("c", "", project.Build{Bases: []string{"p-a"}})},
			want: "build image/p-a (missing)\nbuild image/p-b (missing)\nbuild image/p-c (missing)"},
		{name: "what cannot be built is told only then", of: []project.Service{
			built("a", "", project.Build{Lacks: []string{"compose.yaml:1:1: a"}}), built("b", "", project.Build{Lacks: []string{"compose.yaml:2:1: b"}})}, here: "p-b",
			err: "compose.yaml:1:1: a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := ofServices(tt.of...)
			p.Bases = tt.base
			obs := planner.Observed{Images: map[string]string{}}
			for _, ref := range strings.Fields(tt.here) {
				obs.Images[ref] = "sha256:1"
			}
			tt.opt.Nonce = "n"
			due, err := planner.Refresh(p, obs, tt.opt)
			if err != nil || tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("got %v, want %q", err, tt.err)
				}
				if _, uerr := planner.Up(p, planner.Observed{}, tt.opt); !strings.Contains(uerr.Error(), tt.err) {
					t.Errorf("up says %v", uerr)
				}
				return
			}
			if got := strings.TrimSpace(due.String()); got != tt.want {
				t.Errorf("due\n%s\nwant\n%s", got, tt.want)
			}
			if !due.Empty() && !planner.Refreshes(p, tt.opt) {
				t.Error("nobody would look")
			}
		})
	}
}

// A name that nobody finds is not had of an image that is here by another one.
func TestFurtherNamesAreWaitedForToo(t *testing.T) {
	plain := project.Service{Name: "a", Replicas: 1, Template: project.Container{Project: "p", Service: "a", Image: "x:2"}}
	for _, tt := range []struct {
		name, here    string
		when          project.PullTime // of a
		after, unless string
	}{
		{"the image is here", "x:1", "", "pull image/x:2", "x:2"},
		{"nothing is here", "", "", "pull image/x:1 pull image/x:2", "x:1 x:2"},
		{"and it is not pulled", "", project.PullNever, "*", ""}, // whether the other one is pulled before matters to nobody
		{"though the image is here", "x:1", project.PullNever, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := plain
			a.Pull.When = tt.when
			obs := planner.Observed{Images: map[string]string{}}
			for _, ref := range strings.Fields(tt.here) {
				obs.Images[ref] = "sha256:1"
			}
			b := built("b", "x:1", project.Build{Tags: []string{"x:2"}})
			for _, p := range []*project.Project{ofServices(a, b), ofServices(b, a)} {
				due, err := planner.Refresh(p, obs, planner.Options{Nonce: "n"})
				if err != nil {
					t.Fatal(err)
				}
				last := due.Steps[len(due.Steps)-1]
				op, _ := last.Op.(planner.BuildImage)
				var after []string
				for _, id := range last.After {
					after = append(after, string(id))
				}
				slices.Sort(after)
				slices.Sort(op.Unless)
				if got := strings.Join(after, " "); tt.after != "*" && got != tt.after || strings.Join(op.Unless, " ") != tt.unless || op.Ref != "x:1" {
					t.Errorf("built after %q unless %q is here, want %q and %q:\n%s", got, op.Unless, tt.after, tt.unless, due)
				}
			}
		})
	}
}

// Up plans what is missing by itself, before what is made from it.
func TestUpBuildsWhatIsMissing(t *testing.T) {
	p := ofServices(built("app", "", project.Build{Bases: []string{"p-base"}}), built("base", "", project.Build{}))
	plan, err := planner.Up(p, planner.Observed{}, planner.Options{Nonce: "n"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"create container/app-1 (missing)\n\tafter build image/p-app\n", "build image/p-app (missing)\n\tafter build image/p-base\n"} {
		if !strings.Contains(plan.String(), want) {
			t.Errorf("%swithout %s", plan, want)
		}
	}
	_, err = planner.Up(p, planner.Observed{}, planner.Options{Nonce: "n", Build: planner.BuildNever})
	if want := "image/p-app: it is not here, and not to be built with --no-build: use `gocompose build app`, or leave that out\n"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("--no-build: %v", err)
	}
}

func TestBuildServices(t *testing.T) {
	p := ofServices(built("app", "app:1", project.Build{Bases: []string{"p-base"}, Platforms: []string{"linux/a", "linux/b"}, Tags: []string{"app:1", "app:2"}}),
		built("base", "", project.Build{Labels: map[string]string{"a": "b", "com.docker.compose.project": "mine"}}))
	p.Bases = []project.Service{built("unasked", "", project.Build{})}
	obs := planner.Observed{Images: map[string]string{"p-base": "sha256:1", "app:1": "sha256:1"}}
	plan, err := planner.BuildServices(p, obs, planner.Options{Push: true})
	if err != nil {
		t.Fatal(err)
	}
	want := "build image/p-base (requested)\nbuild image/app:1 (requested)\n\tafter build image/p-base\n" +
		"push image/app:1 (requested)\n\tafter build image/app:1\npush image/app:2 (requested)\n\tafter build image/app:1\n"
	if plan.String() != want {
		t.Errorf("%s\nwant\n%s", plan, want)
	}
	base, app := plan.Steps[0].Op.(planner.BuildImage).Build, plan.Steps[1].Op.(planner.BuildImage).Build
	if l := base.Labels; len(l) != 4 || l["a"] != "b" || l["com.docker.compose.project"] != "p" || l["com.docker.compose.service"] != "base" {
		t.Errorf("labels %v", l)
	}
	if len(app.Platforms) != 2 {
		t.Errorf("platforms %v", app.Platforms)
	}
	due, err := planner.Refresh(p, obs, planner.Options{Build: planner.BuildAlways})
	if err != nil {
		t.Fatal(err)
	}
	if op := due.Steps[1].Op.(planner.BuildImage); len(op.Build.Platforms) != 0 {
		t.Errorf("up builds for %v", op.Build.Platforms)
	}
	p.Services[0].Build.Pull = true
	if plan, err = planner.BuildServices(p, obs, planner.Options{}); err != nil {
		t.Fatal(err)
	}
	op := plan.Steps[1].Op.(planner.BuildImage)
	if op.Build.Contexts["p-base"] != "service:base" || op.Images["base"] != "p-base" {
		t.Errorf("asks a registry for what another service makes: %+v", op)
	}
	unnamed := ofServices(built("app", "", project.Build{Tags: []string{"r.example/app:1"}}))
	if plan, err = planner.BuildServices(unnamed, obs, planner.Options{Push: true}); err != nil {
		t.Fatal(err)
	}
	if n := plan.Notices; len(n) != 2 || !strings.Contains(n[0].Text, "service app has no image") || !strings.Contains(n[1].Text, "nothing to push") {
		t.Errorf("%v", n)
	}
	if plan, err := planner.BuildServices(ofServices(), obs, planner.Options{}); err != nil || plan.String() != "notice: No services to build\n" {
		t.Errorf("%v, %v", plan, err)
	}
}

func TestWhatMayBeReplacedIsSaid(t *testing.T) {
	p := ofServices(built("web", "", project.Build{}), built("other", "", project.Build{}))
	c := p.Services[0].Container(1)
	obs := planner.Observed{
		Containers: []planner.Container{{ID: "x", Spec: c, State: planner.StateRunning, ImageDigest: "sha256:1"}},
		Images:     map[string]string{"p-web": "sha256:1"},
	}
	opt := planner.Options{Nonce: "n", Build: planner.BuildAlways}
	due, err := planner.Refresh(p, obs, opt)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := planner.Up(p, obs, opt)
	if err != nil {
		t.Fatal(err)
	}
	all := planner.Foreseen(p, plan, due)
	if want := "notice: replaced too if their images turn out to be others: container/web-1\n"; !strings.HasSuffix(all.String(), want) {
		t.Errorf("%s\nwithout %s", all, want)
	}
}

// A build looks for images only where what is planned goes by them.
func TestBuildsGoByNothingButImages(t *testing.T) {
	goesBy := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c", "d"}
		some := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"p-a", "p-b", "c:1", "c:2", "debian:12"}), rapid.ID)
		p := ofServices()
		for _, name := range names {
			b := project.Build{Pull: rapid.Bool().Draw(t, "pull")}
			if rapid.Bool().Draw(t, "has bases") {
				b.Bases = some.Draw(t, "bases")
			}
			image := ""
			if name == "c" {
				image, b.Tags = "c:1", []string{"c:2"}
			}
			switch s := built(name, image, b); rapid.SampledFrom([]string{"asked for", "not asked for", "not there"}).Draw(t, name) {
			case "asked for":
				p.Services = append(p.Services, s)
			case "not asked for":
				p.Bases = append(p.Bases, s)
			}
		}
		obs := planner.Observed{Images: map[string]string{}}
		for _, ref := range some.Draw(t, "here") {
			obs.Images[ref] = "sha256:1"
		}
		without, err := planner.BuildServices(p, planner.Observed{}, planner.Options{})
		with, werr := planner.BuildServices(p, obs, planner.Options{})
		differ := fmt.Sprint(err) != fmt.Sprint(werr) || !cmp.Equal(without, with, cmpopts.EquateEmpty())
		if goes := planner.BuildsByImages(p); differ && !goes {
			t.Errorf("it is not looked for images, and the plan is\n%s%v\nwhere with them it is\n%s%v", without, err, with, werr)
		} else {
			goesBy[goes]++
		}
	})
	if goesBy[false] == 0 || goesBy[true] == 0 {
		t.Errorf("nothing is shown by %v", goesBy)
	}
}
