package planner_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func TestPullPolicies(t *testing.T) {
	now := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	daily := project.PullPolicy{When: project.PullAfter, After: 24 * time.Hour, Written: "daily"}
	always := project.PullPolicy{When: project.PullAlways, Written: "always"}
	for _, tt := range []struct {
		name   string
		own    project.PullPolicy
		flag   *project.PullPolicy
		here   bool
		age    time.Duration
		others func(*project.Project)
		want   string // of Refresh
		up     string // in what Up says
	}{
		{name: "missing, and it is", up: "pull image/img:1 (missing)"},
		{name: "missing, and it is not", here: true, up: "create container/web-1"},
		{name: "always", own: always, here: true, want: "pull image/img:1 (pull_policy always)"},
		{name: "always, and it is missing", own: always, want: "pull image/img:1 (pull_policy always)"},
		{name: "daily, a day ago", own: daily, here: true, age: 24 * time.Hour, want: "pull image/img:1 (pull_policy daily, and pulled 24 hours ago)"},
		{name: "daily, three days ago", own: daily, here: true, age: 75 * time.Hour, want: "pull image/img:1 (pull_policy daily, and pulled 3 days ago)"},
		{name: "daily, today", own: daily, here: true, age: 24*time.Hour - 1},
		{name: "daily, and it is missing", own: daily, up: "pull image/img:1 (missing)"},
		{name: "never, and it is missing", own: project.PullPolicy{When: project.PullNever},
			up: "image/img:1: it is not here, and not to be pulled with pull_policy: never: use `gocompose image pull img:1`, or load it"},
		{name: "never, and it is here", own: project.PullPolicy{When: project.PullNever}, here: true, up: "create container/web-1"},
		{name: "the flag goes before", own: project.PullPolicy{When: project.PullNever}, flag: &always, here: true, want: "pull image/img:1 (requested)"},
		{name: "the flag goes before, to pull nothing", own: always, flag: &project.PullPolicy{When: project.PullNever},
			up: "not to be pulled with --pull never"},
		{name: "the flag says missing", own: always, flag: &project.PullPolicy{}, here: true},
		{name: "no container is wanted", own: always, others: func(p *project.Project) { p.Services[0].Replicas = 0 }},
		{name: "for another platform", own: always, here: true, others: func(p *project.Project) { p.Services[0].Template.Platform = "linux/s390x" },
			want: "pull image/img:1[linux/s390x] (pull_policy always)", up: "pull image/img:1[linux/s390x] (missing)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := project.Container{Project: "p", Service: "web", Image: "img:1"}
			p := &project.Project{Name: "p", Known: []string{"web"}, Services: []project.Service{{Name: "web", Replicas: 1, Pull: tt.own, Template: c}}}
			if tt.others != nil {
				tt.others(p)
			}
			obs := planner.Observed{Images: map[string]string{}, Pulled: map[string]time.Time{"img:1": now.Add(-tt.age)}}
			if tt.here {
				obs.Images["img:1"] = "sha256:1"
			}
			opt := planner.Options{Nonce: "n", Pull: tt.flag, Now: now}
			due, err := planner.Refresh(p, obs, opt)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(due.String()); got != tt.want {
				t.Errorf("due %q, want %q", got, tt.want)
			}
			if !due.Empty() && !planner.Refreshes(p, opt) {
				t.Error("nobody would look")
			}
			plan, err := planner.Up(p, obs, opt)
			var said string
			if err != nil {
				said = err.Error()
			} else {
				said = plan.String()
			}
			if !strings.Contains(said, tt.up) {
				t.Errorf("up says\n%s\nwant %s", said, tt.up)
			}
			if err == nil {
				if all := plan.Before(due); strings.Count("\n"+all.String(), "\npull image") > 1 {
					t.Errorf("pulled twice:\n%s", all)
				}
			}
		})
	}
}

// A pull that brought nothing new replaces nothing, and one that did says which
// image it is.
func TestWhatWasPulledIsAReasonWhenItIsAnother(t *testing.T) {
	c := project.Container{Project: "p", Service: "web", Image: "img:1", Platform: "linux/s390x", Replica: 1, Name: "p-web-1"}
	p := &project.Project{Name: "p", Known: []string{"web"}, Services: []project.Service{{Name: "web", Replicas: 1, Template: c}}}
	obs := planner.Observed{
		Containers: []planner.Container{{ID: "p-web-1.a", Spec: c, State: planner.StateRunning, ImageDigest: "sha256:1"}},
		Images:     map[string]string{"img:1": "sha256:2", "img:1[linux/s390x]": "sha256:1"},
	}
	plan, err := planner.Up(p, obs, planner.Options{Nonce: "n"})
	if err != nil || !plan.Empty() {
		t.Fatalf("nothing new: %v, %v", plan, err)
	}
	obs.Images["img:1[linux/s390x]"] = "sha256:3"
	plan, err = planner.Up(p, obs, planner.Options{Nonce: "n"})
	if err != nil || !strings.Contains(plan.String(), "(image: img:1@sha256:1 -> img:1@sha256:3)") {
		t.Errorf("another: %v, %v", plan, err)
	}
	p.Services[0].Template.Platform = ""
	plan, err = planner.Up(p, obs, planner.Options{Nonce: "n"})
	if err != nil || !strings.Contains(plan.String(), "(platform: linux/s390x -> none)") {
		t.Errorf("another platform: %v, %v", plan, err)
	}
}
