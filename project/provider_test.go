package project_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestWithVariables(t *testing.T) {
	init := func(env map[string]string) project.PreStart {
		return project.PreStart{Container: project.Container{Env: env}}
	}
	s := project.Service{Template: project.Container{
		Env: map[string]string{"A": "own", "KEPT": "k"}, UnsetEnv: []string{"B", "C"},
		Hooks: project.Hooks{BeforeStart: []project.PreStart{
			init(map[string]string{"A": "own"}), init(map[string]string{"A": "another", "NEW": "another"}),
		}},
	}}
	got := s.WithVariables(map[string]string{"A": "1", "B": "2", "NEW": "3"}).WithVariables(map[string]string{"LATER": "4"})
	c := got.Template
	if want := map[string]string{"A": "1", "B": "2", "NEW": "3", "LATER": "4", "KEPT": "k"}; !maps.Equal(c.Env, want) {
		t.Errorf("the environment is %v", c.Env)
	}
	if !slices.Equal(c.Provided, []string{"A", "B", "LATER", "NEW"}) || !slices.Equal(c.UnsetEnv, []string{"C"}) {
		t.Errorf("provided %q, unset %q", c.Provided, c.UnsetEnv)
	}
	for i, want := range []map[string]string{
		{"A": "1", "B": "2", "NEW": "3", "LATER": "4"}, {"A": "another", "B": "2", "NEW": "another", "LATER": "4"},
	} {
		if env := c.Hooks.BeforeStart[i].Container.Env; !maps.Equal(env, want) {
			t.Errorf("pre_start %d has %v, want %v", i, env, want)
		}
	}
	if s.Template.Env["A"] != "own" || s.Template.Hooks.BeforeStart[0].Container.Env["A"] != "own" || len(s.Template.UnsetEnv) != 2 {
		t.Error("the service itself has changed")
	}
}
