package planner

import (
	"maps"
	"slices"

	"github.com/gocompose/gocompose/project"
)

// Start plans to start the containers that are there and do not run: of the
// services selected and those they need, or of all of p. A service that is
// asked for and has none is an error.
func Start(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	b := newBuilder(p, obs, opt)
	g := wholeGraph(p, obs.Containers)
	asked := b.meant(opt.Selected)
	meant := g.closure(slices.Collect(maps.Keys(asked)))
	byID := map[project.ID]project.Container{}
	for _, s := range p.Services {
		for _, c := range s.Containers() {
			byID[c.ID()] = c
		}
	}
	fits := func(c Container) bool {
		want, ok := byID[c.Spec.ID()]
		return ok && len(diff(c, want, obs.Images)) == 0
	}
	groups := instances(obs.Containers, fits)

	var ps problems
	b.unknownServices(&ps)
	has := map[string]bool{}
	for id := range groups {
		has[groups[id][0].Spec.Service] = true
	}
	for _, s := range p.Services {
		if asked[s.Name] && !has[s.Name] && s.Replicas > 0 {
			ps.add(&NoContainerError{s.Name})
		}
	}
	for _, id := range sortedIDs(groups) {
		group := groups[id]
		if c := group[0]; meant[c.Spec.Service] && !anyRuns(group) {
			b.takenPorts(&ps, id, c.Spec.Ports)
			b.start(c.ref(), c.Spec.Service, nil, because(reasonToStart(asked[c.Spec.Service])))
		}
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	return b.finish(g)
}

func anyRuns(group []instance) bool {
	for _, c := range group {
		if c.Running() {
			return true
		}
	}
	return false
}

func reasonToStart(asked bool) Cause {
	if asked {
		return Requested
	}
	return NotRunning
}
