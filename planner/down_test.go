package planner_test

import (
	"strings"
	"testing"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func TestDownLeavesWhatOtherProjectsUse(t *testing.T) {
	net := project.Network{Name: "shop_default", Key: "default", Project: "shop"}
	vol := project.Volume{Name: "shop_data", Key: "data", Project: "shop"}
	p := &project.Project{Name: "shop", Networks: []project.Network{net}, Volumes: []project.Volume{vol}}
	obs := planner.Observed{
		Networks: p.Networks,
		Volumes:  p.Volumes,
		Used:     map[project.ID][]string{net.ID(): {"blog-web-1"}, vol.ID(): {"blog-db-1", "blog-web-1"}},
	}
	plan, err := planner.Down(p, obs, planner.Options{Volumes: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Steps) > 0 {
		t.Errorf("steps: %+v", plan.Steps)
	}
	var told []string
	for _, n := range plan.Notices {
		told = append(told, n.Text)
	}
	want := "network/shop_default is still in use by blog-web-1 and was left\n" +
		"volume/shop_data is still in use by blog-db-1, blog-web-1 and was left"
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("notices:\n%s", got)
	}
}
