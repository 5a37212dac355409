package executor_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/planner/plantest"
	"github.com/gocompose/gocompose/project"
)

func TestAnImageThatIsNotSignedStopsAll(t *testing.T) {
	policy := project.Verify{Key: "k.pub", Content: "1"}
	of := func(name string, v project.Verify) project.Service {
		return project.Service{Name: name, Replicas: 1, Verify: v,
			Template: project.Container{Project: "p", Service: name, Image: name + ":1"}}
	}
	p := &project.Project{Name: "p", Known: []string{"any", "bad", "good"}, Services: []project.Service{
		of("any", project.Verify{}), of("bad", policy), of("good", policy),
	}}
	w := plantest.NewWorld()
	for _, name := range []string{"any", "bad", "good"} {
		w.Publish(name+":1", "sha256:"+name)
	}
	w.Sign("sha256:good", policy)
	up := func() error {
		plan, err := planner.Up(p, w.Observe("p"), planner.Options{Nonce: "n"})
		if err != nil {
			t.Fatal(err)
		}
		return executor.Apply(t.Context(), plan, w, executor.Options{})
	}
	if err := up(); err == nil || !strings.Contains(err.Error(), "verifying image/bad:1: bad:1 is not signed by k.pub") {
		t.Errorf("got %v", err)
	}
	for _, call := range w.Calls() {
		if !strings.HasPrefix(call, "verify ") {
			t.Errorf("%s was done", call)
		}
	}
	w.Sign("sha256:bad", policy)
	if err := up(); err != nil {
		t.Error(err)
	}
	if !slices.Contains(w.Calls(), "pull bad:1") {
		t.Errorf("calls: %q", w.Calls())
	}
	plan, err := planner.Up(p, w.Observe("p"), planner.Options{Nonce: "n2"})
	if err != nil || !plan.Empty() {
		t.Errorf("then %v, %v is left", plan, err)
	}
}
