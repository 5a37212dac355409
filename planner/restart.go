package planner

import (
	"maps"
	"slices"

	"github.com/gocompose/gocompose/project"
)

// Restart plans to start the containers that are there anew, as they are: of
// the services selected, or of all of p. One that runs is stopped, as soon as
// what its service needs is as it needs it, and started again; those that need
// it go on meanwhile. One that does not run is started. Unless Options.NoDeps
// is set, the running containers of services that need one of these with
// `restart: true` follow. A service that was named and has no container gets a
// notice.
func Restart(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	b := newBuilder(p, obs, opt)
	var ps problems
	b.unknownServices(&ps)
	asked := b.meant(opt.Selected)
	g := wholeGraph(p, obs.Containers)
	leads := map[string]string{}
	if !opt.NoDeps {
		leads = b.followers(g, maps.Clone(asked))
	}
	there := b.standing()
	has := map[string]bool{}
	for _, c := range there {
		service := c.Spec.Service
		has[service] = true
		lead, follows := leads[service]
		switch {
		case asked[service]:
			if !c.Running() {
				b.takenPorts(&ps, c.target, c.Spec.Ports)
			}
			b.restart(c, because(Requested))
		case follows && c.Running():
			b.restart(c, []Reason{following(project.ID{Kind: project.KindService, Name: lead})})
		case c.Running() && b.ours(service) && !opt.NoDeps:
			b.runs[service] = append(b.runs[service], c.ref())
		}
	}
	for _, name := range slices.Sorted(slices.Values(opt.Selected)) {
		if !has[name] {
			b.notice("service \""+name+"\" has no container to restart", project.ID{Kind: project.KindService, Name: name})
		}
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	return b.finish(g)
}

// restart plans to start c anew. What its service needs is waited for before it
// is stopped, not before it is started.
func (b *builder) restart(c instance, why []Reason) {
	service := c.Spec.Service
	if !c.Running() {
		b.start(c.ref(), service, nil, why)
		return
	}
	stop := b.add(StopContainer{c.ref(), b.grace(c.Spec)}, nil, why)
	start := b.add(StartContainer{c.ref()}, []StepID{stop}, why)
	b.firsts[service] = append(b.firsts[service], stop)
	b.starts[service] = append(b.starts[service], start)
	b.needy[service] = true
	b.runs[service] = append(b.runs[service], c.ref())
}

// followers maps the services that are started anew because one that they need
// with `restart: true` is, to that one. Anew are those that are without that.
func (b *builder) followers(g graph, anew map[string]bool) map[string]string {
	needs := map[string][]project.Need{}
	for _, s := range b.project.Services {
		needs[s.Name] = s.Template.Needs
	}
	leads := map[string]string{}
	for _, name := range g.order {
		for _, n := range needs[name] {
			if n.Restart && anew[n.Service] && leads[name] == "" {
				leads[name] = n.Service
				anew[name] = true
			}
		}
	}
	return leads
}

// standing returns, of each replica that is there, the container that counts:
// the one that runs, or else the one that is as wanted, in order.
func (b *builder) standing() []instance {
	byID := map[project.ID]project.Container{}
	for _, s := range b.project.Services {
		for _, c := range s.Containers() {
			byID[c.ID()] = c
		}
	}
	groups := instances(b.obs.Containers, func(c Container) bool {
		want, ok := byID[c.Spec.ID()]
		return ok && len(diff(c, want, b.obs.Images)) == 0
	})
	var out []instance
	for _, id := range sortedIDs(groups) {
		group := groups[id]
		i := max(slices.IndexFunc(group, func(c instance) bool { return c.Running() }), 0)
		out = append(out, group[i])
	}
	return out
}
