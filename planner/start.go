package planner

import (
	"maps"
	"slices"

	"github.com/gocompose/gocompose/project"
)

// Start plans to start the containers that are there and do not run, and to let
// those go on that are paused: of the services selected and those they need, or
// of all of p. One that is about to be started again is left to that. What runs
// in a namespace of one that is started is started anew with it. A
// service that is asked for and has none is an error.
func Start(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	b := newBuilder(p, obs, opt)
	b.clear()
	g := wholeGraph(b.project, obs.Containers)
	asked := b.meant(opt.Selected)
	meant := g.closure(slices.Collect(maps.Keys(asked)))
	there := b.standing()

	var ps problems
	b.unknownServices(&ps)
	has := map[string]bool{}
	for _, c := range there {
		has[c.Spec.Service] = true
	}
	for _, s := range p.Services {
		if asked[s.Name] && !has[s.Name] && s.Replicas > 0 {
			ps.add(&NoContainerError{s.Name})
		}
	}
	fresh := map[project.ID]bool{}
	for _, c := range there {
		if meant[c.Spec.Service] && !c.Running() {
			fresh[c.Spec.ID()] = true
		}
	}
	leads := b.follow(g, there, map[string]bool{}, fresh)
	for _, c := range there {
		lead, follows := leads[c.ID]
		switch service := c.Spec.Service; {
		case follows:
			b.restart(c, []Reason{following(project.ID{Kind: project.KindService, Name: lead})})
		case !meant[service]:
		case c.Running():
			b.keep(c)
		default:
			b.takenPorts(&ps, c.target, c.Spec.Ports)
			b.start(c.ref(), service, b.lacking(c.Spec), because(reasonToStart(asked[service])))
		}
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	return b.finish(g)
}

func reasonToStart(asked bool) Cause {
	if asked {
		return Requested
	}
	return NotRunning
}
