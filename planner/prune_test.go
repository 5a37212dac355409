package planner_test

import (
	"testing"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func TestWhatIsPrunedGoesAfterTheContainersThatUseIt(t *testing.T) {
	c := func(id, projectName string) planner.Container {
		return planner.Container{ID: id, Anonymous: map[string]string{"/data": "anon"}, Spec: project.Container{
			Project: projectName, Service: "web", Replica: 1, Name: projectName + "-web-1", Image: "img:1",
			Networks: []project.Endpoint{{Network: projectName + "_default"}},
		}}
	}
	plan := planner.Prune(planner.Pruned{
		Containers: []planner.Container{c("b.1", "b"), c("a.1", "a"), c("a.2", "a")},
		Networks:   []project.Network{{Name: "a_default"}, {Name: "other"}},
		Volumes:    []project.Volume{{Name: "anon"}},
		Images:     []planner.RemoveImage{{Ref: "img:1"}, {Ref: "none:1"}},
	})
	const want = `remove container/a-web-1 (requested)
remove container/a.2 (requested)
remove container/b-web-1 (requested)
remove image/img:1 (requested)
	after remove container/a-web-1
	after remove container/a.2
	after remove container/b-web-1
remove image/none:1 (requested)
remove network/a_default (requested)
	after remove container/a-web-1
	after remove container/a.2
remove network/other (requested)
remove volume/anon (requested)
	after remove container/a-web-1
	after remove container/a.2
	after remove container/b-web-1
`
	if plan.String() != want {
		t.Errorf("%s", plan)
	}
	if !(planner.Pruned{}).Empty() || (planner.Pruned{Images: []planner.RemoveImage{{}}}).Empty() {
		t.Error("what is empty")
	}
}
