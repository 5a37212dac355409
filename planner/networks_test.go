package planner_test

import (
	"slices"
	"testing"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func TestNetworksAreMadeAndTakenAwayByName(t *testing.T) {
	a, b, c := project.Network{Name: "a"}, project.Network{Name: "b", Internal: true}, project.Network{Name: "c"}
	plan := planner.Networks([]project.Network{b, a}, []project.Network{c, b, c})
	want := "create network/a (requested)\n" +
		"remove network/b (requested)\n" +
		"create network/b (requested)\n\tafter remove network/b\n" +
		"remove network/c (requested)\n"
	if got := plan.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	i := slices.IndexFunc(plan.Steps, func(s planner.Step) bool { return s.ID() == "create network/b" })
	if op, ok := plan.Steps[i].Op.(planner.CreateNetwork); !ok || !op.Network.Internal {
		t.Errorf("what is made is %+v", plan.Steps[i].Op)
	}
	if plan := planner.Networks(nil, nil); !plan.Empty() {
		t.Errorf("there is something to do:\n%s", plan)
	}
}
