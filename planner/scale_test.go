package planner_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// large is a project of so many services with ten replicas each; every service
// needs the one before it and the first.
func large(services int) *project.Project {
	p := &project.Project{Name: "large", Networks: []project.Network{{Name: "large_default", Project: "large"}}}
	for i := range services {
		c := project.Container{
			Project: "large", Service: fmt.Sprintf("s%03d", i), Image: "img:1",
			Env:      map[string]string{"A": "1", "B": "2"},
			Networks: []project.Endpoint{{Network: "large_default"}},
		}
		if i > 0 {
			c.Needs = append(c.Needs, project.Need{Service: fmt.Sprintf("s%03d", i-1)})
		}
		p.Services = append(p.Services, project.Service{Name: c.Service, Replicas: 10, Template: c})
		p.Known = append(p.Known, c.Service)
	}
	return p
}

// after returns what is there once plan was carried out.
func after(plan *planner.Plan, before planner.Observed) planner.Observed {
	obs := planner.Observed{Images: map[string]string{"img:1": "sha256:1"}, Networks: []project.Network{{Name: "large_default", Project: "large"}}}
	obs.Containers = slices.Clone(before.Containers)
	for _, s := range plan.Steps {
		if c, ok := s.Op.(planner.CreateContainer); ok {
			obs.Containers = append(obs.Containers, planner.Container{ID: c.ID, Spec: c.Spec, State: planner.StateRunning, ImageDigest: "sha256:1"})
		}
	}
	return obs
}

func BenchmarkUp1000(b *testing.B) {
	p := large(100)
	for b.Loop() {
		if _, err := planner.Up(p, planner.Observed{}, planner.Options{Nonce: "n"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpAgain1000(b *testing.B) {
	p := large(100)
	plan, err := planner.Up(p, planner.Observed{}, planner.Options{Nonce: "n"})
	if err != nil {
		b.Fatal(err)
	}
	obs := after(plan, planner.Observed{})
	for b.Loop() {
		if plan, err := planner.Up(p, obs, planner.Options{Nonce: "m"}); err != nil || !plan.Empty() {
			b.Fatal(err, plan)
		}
	}
}

func BenchmarkReplace1000(b *testing.B) {
	p := large(100)
	plan, err := planner.Up(p, planner.Observed{}, planner.Options{Nonce: "n"})
	if err != nil {
		b.Fatal(err)
	}
	obs := after(plan, planner.Observed{})
	for b.Loop() {
		if _, err := planner.Up(p, obs, planner.Options{Nonce: "m", Recreate: planner.RecreateAll}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDown1000(b *testing.B) {
	p := large(100)
	plan, err := planner.Up(p, planner.Observed{}, planner.Options{Nonce: "n"})
	if err != nil {
		b.Fatal(err)
	}
	obs := after(plan, planner.Observed{})
	for b.Loop() {
		if _, err := planner.Down(p, obs, planner.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// The worst shape for replacements: everything needs one service, and
// everything is replaced.
func BenchmarkReplaceStar1000(b *testing.B) {
	p := large(100)
	for i := range p.Services {
		if i > 0 {
			p.Services[i].Template.Needs = []project.Need{{Service: "s000"}}
		}
	}
	plan, err := planner.Up(p, planner.Observed{}, planner.Options{Nonce: "n"})
	if err != nil {
		b.Fatal(err)
	}
	obs := after(plan, planner.Observed{})
	for b.Loop() {
		if _, err := planner.Up(p, obs, planner.Options{Nonce: "m", Recreate: planner.RecreateAll}); err != nil {
			b.Fatal(err)
		}
	}
}
