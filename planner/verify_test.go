package planner_test

import (
	"strings"
	"testing"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

var (
	ours   = project.Verify{Key: "ours.pub", Content: "1"}
	theirs = project.Verify{Identity: "them@example.com", Content: "2"}
)

// signedProject has a service whose image is to be signed by us, which mounts one, and one
// that anybody may have made.
func signedProject() *project.Project {
	web := project.Container{Project: "p", Service: "web", Image: "web:1", Mounts: []project.Mount{{Type: project.MountImage, Source: "files:1", Target: "/f"}}}
	return &project.Project{Name: "p", Known: []string{"any", "web"}, Services: []project.Service{
		{Name: "any", Replicas: 1, Template: project.Container{Project: "p", Service: "any", Image: "any:1"}},
		{Name: "web", Replicas: 1, Template: web, Verify: ours},
	}}
}

func TestNothingIsDoneBeforeAllImagesAreVerified(t *testing.T) {
	obs := planner.Observed{Images: map[string]string{"web:1": "sha256:1"}}
	plan, err := planner.Up(signedProject(), obs, planner.Options{Nonce: "n"})
	if err != nil {
		t.Fatal(err)
	}
	want := `verify image/files:1 (has to be signed by ours.pub)
verify image/web:1 (has to be signed by ours.pub)
pull image/any:1 (missing)
	after verify image/files:1
	after verify image/web:1
create container/any-1 (missing)
	after pull image/any:1
	after verify image/files:1
	after verify image/web:1
pull image/files:1 (missing) (has to be signed by ours.pub)
	after verify image/files:1
	after verify image/web:1
create container/web-1 (missing)
	after pull image/files:1
	after verify image/files:1
	after verify image/web:1
start container/any-1 (missing)
	after create container/any-1
	after verify image/files:1
	after verify image/web:1
start container/web-1 (missing)
	after create container/web-1
	after verify image/files:1
	after verify image/web:1
`
	if plan.String() != want {
		t.Errorf("got\n%s", plan)
	}
	for _, s := range plan.Steps {
		if op, ok := s.Op.(planner.VerifyImage); ok && op.Remote != (op.Ref == "files:1") {
			t.Errorf("%s: remote is %v", s.ID(), op.Remote)
		}
	}
}

func TestImagesAreVerifiedOnce(t *testing.T) {
	images := map[string]string{"any:1": "sha256:0", "web:1": "sha256:1", "files:1": "sha256:2"}
	both := map[string][]string{"web:1": {ours.Digest()}, "files:1": {ours.Digest()}}
	for name, tt := range map[string]struct {
		verified map[string][]string
		change   func(*project.Project)
		want     string // the images that are verified, and by whom they are to be signed
	}{
		"none is known":        {want: "files:1 ours.pub; web:1 ours.pub"},
		"one is known":         {verified: map[string][]string{"web:1": {ours.Digest()}}, want: "files:1 ours.pub"},
		"as another asked":     {verified: map[string][]string{"web:1": {theirs.Digest()}, "files:1": {ours.Digest()}}, want: "web:1 ours.pub"},
		"all are known":        {verified: both},
		"nobody is asked for":  {change: func(p *project.Project) { p.Services[1].Verify = project.Verify{} }},
		"there is no replica":  {change: func(p *project.Project) { p.Services[1].Replicas = 0 }},
		"another service asks": {verified: both, change: func(p *project.Project) { p.Services[0].Verify = theirs }, want: "any:1 them@example.com"},
		"two of one image": {verified: both, change: func(p *project.Project) {
			p.Services[0].Verify, p.Services[0].Template.Image = theirs, "web:1"
		}, want: "web:1 them@example.com"},
		"before it": {verified: both, change: func(p *project.Project) {
			p.Services[1].Template.Hooks.BeforeStart = []project.PreStart{{Container: project.Container{Project: "p", Service: "web", Image: "any:1"}}}
		}, want: "any:1 ours.pub"},
	} {
		t.Run(name, func(t *testing.T) {
			p := signedProject()
			if tt.change != nil {
				tt.change(p)
			}
			plan, err := planner.Up(p, planner.Observed{Images: images, Verified: tt.verified}, planner.Options{Nonce: "n"})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range plan.Steps {
				if op, ok := s.Op.(planner.VerifyImage); ok {
					by := op.Ref
					for _, v := range op.Policies {
						by += " " + v.By()
					}
					got = append(got, by)
				}
			}
			if strings.Join(got, "; ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatIsPulledAloneSaysByWhomItIsSigned(t *testing.T) {
	p := signedProject()
	p.Services[0].Verify, p.Services[0].Template.Image = theirs, "web:1"
	const want = "pull image/files:1 (requested) (has to be signed by ours.pub)\npull image/web:1 (requested) (has to be signed by ours.pub) (has to be signed by them@example.com)\n"
	if plan := planner.PullServices(p, planner.Observed{}, planner.Options{}); plan.String() != want {
		t.Errorf("got\n%s", plan)
	}
	always := &project.PullPolicy{When: project.PullAlways}
	if plan, err := planner.Refresh(p, planner.Observed{}, planner.Options{Pull: always}); err != nil || plan.String() != want {
		t.Errorf("got\n%s, %v", plan, err)
	}
}
