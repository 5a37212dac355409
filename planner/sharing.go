package planner

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// tied returns p with what it means to share a namespace: who is in that of
// another service's container needs that service, and is started anew with it.
// The container of a name can be one of the project's own, too.
func tied(p *project.Project) *project.Project {
	if !slices.ContainsFunc(p.Services, func(s project.Service) bool { return len(s.Template.Shares()) > 0 }) {
		return p
	}
	names, known := map[string]string{}, map[string]bool{} // containers' names to services
	for _, name := range p.Known {
		known[name] = true
	}
	for _, s := range p.Services {
		known[s.Name] = true
		for _, c := range s.Containers() {
			names[c.Name] = s.Name
		}
	}
	q := *p
	q.Services = slices.Clone(p.Services)
	for i := range q.Services {
		s := &q.Services[i]
		for _, share := range s.Template.Shares() {
			of := cmp.Or(share.Service, names[share.Container])
			if of != s.Name && known[of] {
				s.Template.Needs = tie(s.Template.Needs, of)
			}
		}
	}
	return &q
}

// tie returns needs, sorted, with one of a service that is followed.
func tie(needs []project.Need, service string) []project.Need {
	needs = slices.Clone(needs)
	i, found := slices.BinarySearchFunc(needs, service, func(n project.Need, name string) int {
		return strings.Compare(n.Service, name)
	})
	if !found {
		needs = slices.Insert(needs, i, project.Need{Service: service, Condition: project.Started})
	}
	needs[i].Restart = true
	return needs
}

// owners returns the replicas of the project whose namespaces c is in.
func (b *builder) owners(c project.Container) []project.ID {
	var ids []project.ID
	for _, share := range c.Shares() {
		if id, ok := b.owner(share); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// owner returns the replica of the project whose namespace is shared; ok is false
// when it is none's.
func (b *builder) owner(share project.Share) (id project.ID, ok bool) {
	if share.Service != "" {
		return project.Container{Service: share.Service, Replica: 1}.ID(), true
	}
	for _, s := range b.project.Services {
		for _, o := range s.Containers() {
			if o.Name == share.Container {
				return o.ID(), true
			}
		}
	}
	for _, o := range b.obs.Containers {
		if o.Spec.Name == share.Container {
			return o.Spec.ID(), true
		}
	}
	return id, false
}

// follow maps the running containers, among those that stay, that must be
// started anew to the services that they follow: because one that their service
// needs with `restart: true` is, or because a container is whose namespace they
// are in. Anew are the services of which something is started
// anew, fresh the replicas that are started, anew or not; both are added to.
func (b *builder) follow(g graph, staying []instance, anew map[string]bool, fresh map[project.ID]bool) map[string]string {
	leads := map[string]string{}
	needs := map[string][]project.Need{}
	for _, s := range b.project.Services {
		needs[s.Name] = s.Template.Needs
	}
	groups := map[string][]instance{}
	for _, c := range staying {
		groups[c.Spec.Service] = append(groups[c.Spec.Service], c)
	}
	for _, name := range g.order {
		i := slices.IndexFunc(needs[name], func(n project.Need) bool { return n.Restart && anew[n.Service] })
		if i >= 0 {
			anew[name] = true
		}
		for _, c := range groups[name] {
			owners := b.owners(c.Spec)
			o := slices.IndexFunc(owners, func(id project.ID) bool { return fresh[id] })
			switch {
			case !c.Running():
				continue
			case i >= 0:
				leads[c.ID] = needs[name][i].Service
			case o >= 0:
				leads[c.ID] = b.serviceOf(owners[o])
			default:
				continue
			}
			anew[name], fresh[c.Spec.ID()] = true, true
		}
	}
	return leads
}

// serviceOf returns the service of a replica.
func (b *builder) serviceOf(id project.ID) string {
	return id.Name[:strings.LastIndexByte(id.Name, '-')]
}

// sharedConflicts notes the containers that others are to share a namespace of,
// or to be linked with, and that will not be there.
func (u *up) sharedConflicts(ps *problems) {
	for _, r := range u.wanted {
		of := project.ID{Kind: project.KindService, Name: r.want.Service}
		begins := u.begins(r)
		if !begins && !r.creates() && u.opt.Recreate == RecreateNever {
			continue // it may be as the files do not want it any more
		}
		stays := !begins && !r.creates()
		for _, share := range r.want.Shares() {
			if text := u.lacks(share, r.want, begins, stays); text != "" {
				ps.conflict(of, "%s: %s: %s", share.Attribute, share.Mode, text)
			}
		}
		if stays {
			continue // it runs: what it was linked with then is no matter any more
		}
		for _, l := range r.want.Links {
			if l.Container == "" {
				continue
			}
			if there, _ := u.outlook(l.Container, r.want); !there {
				ps.conflict(of, "external_links: there is no container %s; start that first, or leave the link out", l.Container)
			}
		}
	}
}

// lacks says why nothing can be in the namespace that c shares, if anything:
// begins is whether something is started there, stays whether it is there
// already.
func (u *up) lacks(share project.Share, c project.Container, begins, stays bool) string {
	if share.Service != "" {
		return u.lacksService(share, begins)
	}
	if stays {
		return ""
	}
	switch there, runs := u.outlook(share.Container, c); {
	case !there:
		return "there is no container " + share.Container + "; start that first"
	case begins && !runs:
		return "container " + share.Container + " is not running; start that first"
	}
	return ""
}

// lacksService is lacks for the namespace of a service's container.
func (u *up) lacksService(share project.Share, begins bool) string {
	service := share.Service
	i := slices.IndexFunc(u.project.Services, func(s project.Service) bool { return s.Name == service })
	if i >= 0 {
		if u.project.Services[i].Replicas == 0 {
			return "service \"" + service + "\" is scaled to 0; give it a replica or choose another " + share.Attribute
		}
		return ""
	}
	first := project.Container{Service: service, Replica: 1}.ID()
	for _, c := range u.unselected {
		if c.Spec.ID() != first {
			continue
		}
		if begins && !c.Running() {
			return "container " + c.Spec.Name + " is not running; start that first"
		}
		return ""
	}
	return "service \"" + service + "\" has no container; bring that up too"
}

// outlook tells whether a container of that name is there in the end, beside the
// one that asks, and runs.
func (u *up) outlook(name string, asks project.Container) (there, runs bool) {
	for _, r := range u.wanted {
		if r.want.Name == name && r.want.ID() != asks.ID() {
			return true, !u.opt.NoStart || len(r.have) > 0 && r.have[0].Running()
		}
	}
	for _, c := range u.rest() {
		if c.Spec.Name == name {
			return true, c.Running()
		}
	}
	if slices.ContainsFunc(u.obs.Containers, func(c Container) bool { return c.Spec.Name == name }) {
		return false, false // it is about to go
	}
	runs, there = u.obs.Others[name]
	return there, runs
}

// joins tells whether the containers whose namespaces c shares run in the end.
func (u *up) joins(c project.Container) bool {
	return !slices.ContainsFunc(c.Shares(), func(share project.Share) bool {
		if share.Service != "" {
			return u.lacksService(share, true) != ""
		}
		_, runs := u.outlook(share.Container, c)
		return !runs
	})
}
