package plantest

import (
	"reflect"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// hooks says what runs around the life of the containers, all with success. What
// ends by itself has no commands that run in it: it could have ended before.
func (g *generator) hooks(c *project.Container) {
	if rapid.IntRange(0, 2).Draw(g.T, "hooks") > 0 {
		return
	}
	works := []project.Hook{{Command: []string{"sh", "-c", "exit 0"}}}
	if g.flip("pre_start") {
		for range rapid.IntRange(1, 2).Draw(g.T, "inits") {
			c.Hooks.BeforeStart = append(c.Hooks.BeforeStart, project.PreStart{
				PerReplica: g.flip("per replica"), Container: g.init(*c),
			})
		}
	}
	if fateOf(*c).ends {
		return
	}
	if g.flip("post_start") {
		c.Hooks.AfterStart = works
	}
	if g.flip("pre_stop") {
		c.Hooks.BeforeStop = works
	}
}

// init is a container that runs before others where these are.
func (g *generator) init(of project.Container) project.Container {
	c := project.Container{
		Image:   rapid.SampledFrom(images).Draw(g.T, "init image"),
		Command: []string{"sh", "-c", "exit 0"}, NetworkMode: of.NetworkMode, Networks: of.Networks,
	}
	for _, m := range of.Mounts {
		if m.Type == project.MountVolume && g.flip("init mount") {
			c.Mounts = append(c.Mounts, m)
		}
	}
	return c
}

// ofOneMake tells whether all that a plan starts of a service has the same pre_start.
// If not, because an `up` was cut short, or was not to replace anything, what runs
// once for the service is that of one of them.
func ofOneMake(plan *planner.Plan, there []planner.Container, service string) bool {
	specs := map[string]project.Container{} // by identifier
	for _, c := range there {
		specs[c.ID] = c.Spec
	}
	for _, s := range plan.Steps {
		if op, ok := s.Op.(planner.CreateContainer); ok {
			specs[op.ID] = op.Spec
		}
	}
	var first *project.Container
	for _, s := range plan.Steps {
		op, ok := s.Op.(planner.StartContainer)
		c := specs[op.Container.ID]
		switch {
		case !ok || c.Service != service:
		case first == nil:
			first = &c
		case !reflect.DeepEqual(c.Hooks.BeforeStart, first.Hooks.BeforeStart):
			return false
		}
	}
	return true
}
