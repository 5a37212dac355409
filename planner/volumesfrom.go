package planner

import (
	"slices"

	"github.com/gocompose/gocompose/project"
)

// supplied returns p with what it means to take over mounts: who takes those of a
// container needs its service, also when it is named by its container.
func supplied(p *project.Project) *project.Project {
	if !slices.ContainsFunc(p.Services, func(s project.Service) bool { return len(s.Template.VolumesFrom) > 0 }) {
		return p
	}
	names := map[string]string{} // containers' names to services
	for _, s := range p.Services {
		for _, c := range s.Containers() {
			names[c.Name] = s.Name
		}
	}
	q := *p
	q.Services = slices.Clone(p.Services)
	for i := range q.Services {
		s := &q.Services[i]
		for _, f := range s.Template.VolumesFrom {
			of, known := names[f.Container]
			if known && of != s.Name {
				s.Template.Needs = need(s.Template.Needs, of)
			}
		}
	}
	return &q
}

// need returns needs, sorted, with one of a service.
func need(needs []project.Need, service string) []project.Need {
	if slices.ContainsFunc(needs, func(n project.Need) bool { return n.Service == service }) {
		return needs
	}
	needs = tie(needs, service)
	i := slices.IndexFunc(needs, func(n project.Need) bool { return n.Service == service })
	needs[i].Restart = false
	return needs
}

// supplier returns the wanted replica whose mounts are taken over; nil when it is
// none of those.
func (u *up) supplier(f project.VolumesFrom) *replica {
	for i := range u.wanted {
		r := &u.wanted[i]
		first := r.want.Service == f.Service && r.want.Replica == 1
		if first || f.Container != "" && r.want.Name == f.Container {
			return r
		}
	}
	return nil
}

// supplierID returns the identifier of the container whose mounts are taken over,
// as it will be; empty when there is none.
func (u *up) supplierID(f project.VolumesFrom) string {
	if r := u.supplier(f); r != nil {
		if r.creates() {
			return u.newID(r.want)
		}
		return r.have[0].ID
	}
	for _, c := range u.rest() {
		first := c.target == (project.Container{Service: f.Service, Replica: 1}).ID()
		if first || f.Container != "" && c.Spec.Name == f.Container {
			return c.ID
		}
	}
	for _, c := range u.obs.Containers {
		if c.Spec.Name == f.Container {
			return "" // it is about to go
		}
	}
	return u.obs.OtherIDs[f.Container]
}

// supply finds the containers whose mounts the wanted ones take over. Where that is
// another than it was, what has its mounts is made anew: its anonymous volumes may
// be others.
func (u *up) supply() {
	g, _ := wantedGraph(u.project)
	for _, service := range g.order { // who takes from others may be taken from
		for i := range u.wanted {
			r := &u.wanted[i]
			creates := r.creates()
			if r.want.Service != service || len(r.want.VolumesFrom) == 0 || !creates && u.opt.Recreate == RecreateNever {
				continue
			}
			r.want.VolumesFrom = slices.Clone(r.want.VolumesFrom)
			for n := range r.want.VolumesFrom {
				f := &r.want.VolumesFrom[n]
				f.ID = u.supplierID(*f)
				if !creates && f.ID != "" && f.ID != r.have[0].Spec.VolumesFrom[n].ID {
					r.why = append(r.why, u.supplierChanged(*f))
				}
			}
		}
	}
}

func (u *up) supplierChanged(f project.VolumesFrom) Reason {
	if r := u.supplier(f); r != nil {
		return following(project.ID{Kind: project.KindService, Name: r.want.Service})
	}
	if f.Service != "" {
		return following(project.ID{Kind: project.KindService, Name: f.Service})
	}
	return Reason{Cause: Changed, Field: "volumes_from"}
}

// suppliers returns the replicas that are made and whose mounts c takes over.
func (u *up) suppliers(c project.Container) []*replica {
	var made []*replica
	for _, f := range c.VolumesFrom {
		if r := u.supplier(f); r != nil && r.creates() {
			made = append(made, r)
		}
	}
	return made
}

// supplyConflicts notes the containers whose mounts are to be taken over, and that
// are not there.
func (u *up) supplyConflicts(ps *problems) {
	for _, r := range u.wanted {
		if !r.creates() {
			continue
		}
		of := project.ID{Kind: project.KindService, Name: r.want.Service}
		for _, f := range r.want.VolumesFrom {
			switch {
			case f.ID != "":
			case f.Container != "":
				ps.conflict(of, "volumes_from: %s: there is no container %s; start that first", f, f.Container)
			case u.ours(f.Service):
				ps.conflict(of, "volumes_from: %s: service %q is scaled to 0; give it a replica", f, f.Service)
			default:
				ps.conflict(of, "volumes_from: %s: service %q has no container; bring that up too", f, f.Service)
			}
		}
	}
}
