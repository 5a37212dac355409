package planner_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// images are what a test's services are made of: "web=img:1 built missing".
func imageProject(services ...string) *project.Project {
	p := &project.Project{Name: "p"}
	for _, text := range services {
		words := strings.Fields(text)
		name, image, _ := strings.Cut(words[0], "=")
		s := project.Service{Name: name, Replicas: 1, Template: project.Container{Project: "p", Service: name, Image: image}}
		for _, w := range words[1:] {
			switch w {
			case "built":
				s.Build = &project.Build{Named: true, Tags: []string{image + "-more"}}
			case "unnamed":
				s.Build = &project.Build{}
			default:
				s.Pull = project.PullPolicy{When: map[string]project.PullTime{"always": project.PullAlways, "never": project.PullNever}[w], Written: w}
			}
		}
		p.Services, p.Known = append(p.Services, s), append(p.Known, name)
	}
	return p
}

// steps are the plan's, with a question mark after those that may fail.
func optionalSteps(p *planner.Plan) string {
	var out []string
	for _, s := range p.Steps {
		text := string(s.ID())
		if op, ok := s.Op.(planner.PullImage); ok && op.Optional {
			text += "?"
		}
		if op, ok := s.Op.(planner.PushImage); ok && op.Optional {
			text += "?"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func TestServicesArePulledByTheirPolicies(t *testing.T) {
	missing := &project.PullPolicy{When: project.PullMissing, Written: "missing"}
	always := &project.PullPolicy{When: project.PullAlways, Written: "always"}
	for _, tt := range []struct {
		services, here []string
		opt            planner.Options
		want           string
	}{
		{services: []string{"b=b:1", "a=a:1"}, here: []string{"a:1"}, want: "pull image/a:1, pull image/b:1"},
		{services: []string{"a=a:1 missing", "b=b:1 missing", "c=c:latest if_not_present"}, here: []string{"a:1", "c:latest"}, want: "pull image/b:1, pull image/c:latest"},
		{services: []string{"a=a:1 never", "b=b:1 always"}, here: []string{"b:1"}, want: "pull image/b:1"},
		{services: []string{"a=a:1 always", "b=b:1"}, here: []string{"a:1", "b:1"}, opt: planner.Options{Pull: missing}, want: ""},
		{services: []string{"a=a:1 never", "b=b:1 missing"}, here: []string{"b:1"}, opt: planner.Options{Pull: always}, want: "pull image/a:1, pull image/b:1"},
		{services: []string{"a=a:1 built", "b=b:1", "c=c:1 unnamed"}, want: "pull image/a:1?, pull image/b:1"},
		{services: []string{"a=a:1 built", "b=a:1"}, want: "pull image/a:1"}, // b's has to be there
		{services: []string{"a=a:1", "b=a:1 built"}, want: "pull image/a:1"},
		{services: []string{"a=a:1 built", "b=b:1"}, opt: planner.Options{NoBuilt: true}, want: "pull image/b:1"},
		{services: []string{"a=a:1", "b=b:1"}, opt: planner.Options{Lenient: true}, want: "pull image/a:1?, pull image/b:1?"},
	} {
		obs := planner.Observed{Images: map[string]string{}}
		for _, ref := range tt.here {
			obs.Images[ref] = "sha256:1"
		}
		if got := optionalSteps(planner.PullServices(imageProject(tt.services...), obs, tt.opt)); got != tt.want {
			t.Errorf("%q, here %q: %q, want %q", tt.services, tt.here, got, tt.want)
		}
	}
}

func TestServicesThatAreBuiltArePushed(t *testing.T) {
	p := imageProject("a=a:1 built", "b=b:1", "c=c:1 unnamed")
	if got := optionalSteps(planner.PushServices(p, planner.Options{})); got != "push image/a:1, push image/a:1-more" {
		t.Error(got)
	}
	if got := optionalSteps(planner.PushServices(p, planner.Options{Lenient: true})); got != "push image/a:1?, push image/a:1-more?" {
		t.Error(got)
	}
	p.Services[2].Build.Tags = []string{"r.example/c:2", "r.example/c:3"}
	plan := planner.PushServices(p, planner.Options{})
	want := "service c has no image, so the tags of its build are not pushed: give it one, or use `gocompose image push r.example/c:2`"
	if len(plan.Steps) != 2 || len(plan.Notices) != 1 || plan.Notices[0].Text != want {
		t.Errorf("%v %v", plan, plan.Notices)
	}
	plan = planner.PushServices(imageProject("b=b:1"), planner.Options{})
	if !plan.Empty() || len(plan.Notices) != 1 || !strings.Contains(plan.Notices[0].Text, "nothing to push") {
		t.Errorf("%v %v", plan, plan.Notices)
	}
}

// What a container has stays, of whatever project it is.
func TestImagesGoWithTheirProject(t *testing.T) {
	for _, tt := range []struct {
		policy   planner.ImagesPolicy
		selected []string
		want     string
		notices  int
	}{
		{policy: planner.ImagesStay},
		{policy: planner.ImagesLocal, want: "remove image/c:1"},
		{policy: planner.ImagesAll, want: "remove image/a:1, remove image/c:1", notices: 1},
		{policy: planner.ImagesAll, selected: []string{"a"}, notices: 1, want: ""},
	} {
		p := imageProject("a=a:1 built", "b=b:1", "c=c:1 unnamed", "d=gone:1")
		if tt.selected != nil { // its image is also e's, which stays
			p.Services = append(p.Services[:1], project.Service{Name: "e", Replicas: 1, Template: project.Container{Project: "p", Service: "e", Image: "a:1"}})
		}
		obs := planner.Observed{
			Images: map[string]string{"a:1": "1", "b:1": "1", "c:1": "1"},
			Used:   map[project.ID][]string{{Kind: project.KindImage, Name: "b:1"}: {"blog-web-1"}},
		}
		for _, s := range p.Services {
			c := s.Template
			c.Replica, c.Name = 1, "p-"+s.Name+"-1"
			obs.Containers = append(obs.Containers, planner.Container{ID: "p-" + s.Name + "-1.n0", Spec: c, State: planner.StateExited})
		}
		plan, err := planner.Down(p, obs, planner.Options{Images: tt.policy, Selected: tt.selected})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range plan.Steps {
			op, ok := s.Op.(planner.RemoveImage)
			if !ok {
				continue
			}
			got = append(got, string(s.ID()))
			service := strings.TrimSuffix(op.Ref, ":1")
			if want := fmt.Sprintf("remove container/%s-1", service); !slices.Contains(s.Needs, planner.StepID(want)) {
				t.Errorf("%s: %s does not wait for %s", tt.policy, s.ID(), want)
			}
		}
		if strings.Join(got, ", ") != tt.want || len(plan.Notices) != tt.notices {
			t.Errorf("%q %q: %q and %v, want %q and %d", tt.policy, tt.selected, got, plan.Notices, tt.want, tt.notices)
		}
	}
}

// An image that was built for a service stays under the name that the service has given
// up, and under that of a service that has gone.
func TestBuiltImagesGoThatNoServiceTellsOf(t *testing.T) {
	obs := planner.Observed{Built: map[string]string{
		"docker.io/library/p-a:latest": "a", "docker.io/library/p_a:latest": "a", "docker.io/library/p-gone:latest": "gone", "docker.io/library/p-c:latest": "c",
		"reg.example/mine:1": "a", "docker.io/library/p-a:old": "a", "docker.io/library/p-known:latest": "known",
	}, Used: map[project.ID][]string{{Kind: project.KindImage, Name: "docker.io/library/p-c:latest"}: {"blog-web-1"}}}
	p := imageProject("a=a:1", "c=c:1")
	p.Known = []string{"a", "c", "known"}
	for _, tt := range []struct {
		opt  planner.Options
		want string
	}{
		{planner.Options{}, ""},
		{planner.Options{Images: planner.ImagesLocal}, "p-a:latest p_a:latest"},
		{planner.Options{Images: planner.ImagesAll, RemoveOrphans: true}, "p-a:latest p-gone:latest p_a:latest"},
		{planner.Options{Images: planner.ImagesLocal, Selected: []string{"c"}, RemoveOrphans: true}, ""},
	} {
		plan, err := planner.Down(p, obs, tt.opt)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range plan.Steps {
			if op, ok := s.Op.(planner.RemoveImage); ok {
				got = append(got, planner.ShortImage(op.Ref))
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%+v: %q, want %q", tt.opt, got, tt.want)
		}
	}
}
