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
// `restart: true` follow, and those that are in a namespace
// of one. A service that was named and has no container gets a notice.
func Restart(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	b := newBuilder(p, obs, opt)
	b.clear()
	var ps problems
	b.unknownServices(&ps)
	asked := b.meant(opt.Selected)
	g := wholeGraph(b.project, obs.Containers)
	there := b.standing()
	leads := b.behind(g, there, asked)
	has := map[string]bool{}
	for _, c := range there {
		service := c.Spec.Service
		has[service] = true
		lead, follows := leads[c.ID]
		switch {
		case asked[service]:
			if !c.Running() {
				b.takenPorts(&ps, c.target, c.Spec.Ports)
			}
			b.restart(c, because(Requested))
		case follows:
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
	b.endBefore(there)
	return b.finish(g)
}

// endBefore has those that would end with a container that is started anew, being
// in its PID namespace, be stopped before it, as they want to be.
func (b *builder) endBefore(there []instance) {
	for _, c := range there {
		for _, share := range c.Spec.Shares() {
			owner, ok := b.owner(share)
			stop, start := b.planned(VerbStop, c.target), b.planned(VerbStart, c.target)
			first := b.planned(VerbStop, owner)
			if share.Attribute != project.AttributePID || !ok || len(stop) == 0 || len(start) == 0 || len(first) == 0 {
				continue
			}
			s := &b.steps[b.at[first[0]]]
			s.After = append(s.After, stop...)
			firsts := b.firsts[c.Spec.Service]
			if i := slices.Index(firsts, stop[0]); i >= 0 {
				firsts[i] = start[0]
			}
		}
	}
}

// restart plans to start c anew. What its service needs is waited for before it
// is stopped, not before it is started.
func (b *builder) restart(c instance, why []Reason) {
	service := c.Spec.Service
	if !c.Running() {
		b.start(c.ref(), service, b.lacking(c.Spec), why)
		return
	}
	stop := b.add(StopContainer{c.ref(), b.grace(c.Spec)}, nil, why)
	start := b.add(StartContainer{c.ref()}, append(b.lacking(c.Spec), stop), why)
	b.firsts[service] = append(b.firsts[service], stop)
	b.starts[service] = append(b.starts[service], start)
	b.needy[service] = true
	b.runs[service] = append(b.runs[service], c.ref())
}

// behind maps the containers that follow those of the services asked for, which
// are all started anew, to the services that they follow.
func (b *builder) behind(g graph, there []instance, asked map[string]bool) map[string]string {
	if b.opt.NoDeps {
		return nil
	}
	fresh := map[project.ID]bool{}
	var others []instance
	for _, c := range there {
		if asked[c.Spec.Service] {
			fresh[c.Spec.ID()] = true
		} else {
			others = append(others, c)
		}
	}
	return b.follow(g, others, maps.Clone(asked), fresh)
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
