package planner_test

import (
	"slices"
	"testing"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// When nobody attends to a container any more it is stopped, and goes where it is to,
// or has never run.
func TestTheEndOfAOneOff(t *testing.T) {
	for _, c := range []struct {
		state     planner.State
		temporary bool
		left      bool
		want      string
	}{
		{planner.StateRunning, false, false, "stop container/web-run-0123456789ab (left by a run that is over)\n"},
		{planner.StateExited, false, false, ""},
		{planner.StateExited, true, true, "remove container/web-run-0123456789ab (left by a run that is over)\n"},
		{planner.StateCreated, false, true, "remove container/web-run-0123456789ab (left by a run that is over)\n"},
		{planner.StateRunning, true, false, "stop container/web-run-0123456789ab (left by a run that is over)\n" +
			"remove container/web-run-0123456789ab (left by a run that is over)\n\tafter stop container/web-run-0123456789ab\n"},
	} {
		spec := project.Service{Template: project.Container{Project: "shop", Service: "web", Temporary: c.temporary}}.AsOneOff("0123456789ab").Template
		one := planner.Container{ID: planner.OneOffID("shop", "web", "0123456789ab"), Spec: spec, State: c.state}
		other := one
		other.ID = "other"
		obs := planner.Observed{OneOffs: []planner.Container{one, other}}
		if c.left {
			obs = planner.Observed{OneOffs: []planner.Container{other}, Leftovers: []planner.Container{one}}
		}
		plan, err := planner.EndOneOff(planner.FromObserved("shop", obs), obs, one.ID)
		if err != nil || plan.String() != c.want {
			t.Errorf("%s, temporary %v: %v\n%s", c.state, c.temporary, err, plan)
		}
	}
}

// A container that was all of its project takes the network along, but nobody else's
// container.
func TestTheEndOfAContainerThatIsAlone(t *testing.T) {
	spec := project.Service{Name: "cache", Template: project.Container{Name: "cache", Project: "cache", Service: "cache", Temporary: true}}.Container(1)
	one := planner.Container{ID: "cache.1", Spec: spec, State: planner.StateExited}
	other := one
	other.ID, other.Spec.Name, other.Spec.Service, other.Spec.Temporary, other.State = "cache.2", "mine", "mine", false, planner.StateRunning
	network := project.Network{Name: "cache_default", Project: "cache"}
	for _, c := range []struct {
		there planner.Observed
		want  []string
	}{
		{planner.Observed{Leftovers: []planner.Container{one}}, []string{"container/cache-1~cache.1", "network/cache_default"}},
		{planner.Observed{Containers: []planner.Container{one}}, []string{"container/cache-1", "network/cache_default"}},
		{planner.Observed{Leftovers: []planner.Container{one}, Containers: []planner.Container{other}}, []string{"container/cache-1"}},
		{planner.Observed{Containers: []planner.Container{one}, OneOffs: []planner.Container{other}}, []string{"container/cache-1"}},
	} {
		c.there.Networks = []project.Network{network}
		plan, err := planner.EndAlone(planner.FromObserved("cache", c.there), c.there, one.ID)
		if err != nil {
			t.Fatal(err)
		}
		var gone []string
		for _, s := range plan.Steps {
			if s.Op.Verb() == planner.VerbRemove {
				gone = append(gone, s.Op.Target().String())
			}
		}
		if !slices.Equal(gone, c.want) {
			t.Errorf("%v goes, want %v\n%s", gone, c.want, plan)
		}
	}
}

func TestIdentifiersOfOneOffs(t *testing.T) {
	if got := planner.OneOffID("shop", "web", "0123456789ab"); got != "shop-web-run.0123456789ab" {
		t.Error(got)
	}
	if a, b := planner.OneOffID("shop", "web_", "0123456789ab"), planner.ContainerID("shop", "web_", 0, "0123456789ab"); a == b {
		t.Error("a one-off has the identifier of another container: " + a)
	}
}
