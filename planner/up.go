package planner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// Up plans to bring p up: what is missing is made, what differs is replaced,
// what is too much is removed, what does not run is started, what is paused goes
// on; what is about to be started again is left to that. A container is started
// when what its service needs is as it needs it; what runs already and starts
// nothing is not waited for. Services that the project knows but that are not
// among p.Services are left alone. It fails with a *RefusedError that names
// everything in the way.
func Up(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	u := up{builder: newBuilder(p, obs, opt)}
	u.wanted = u.replicas()
	u.surplus()
	if err := u.check(); err != nil {
		return nil, err
	}
	u.networks()
	u.volumes()
	for i := range u.wanted {
		u.create(&u.wanted[i])
	}
	u.restarts()
	for i := range u.wanted {
		u.replace(&u.wanted[i])
	}
	for _, c := range u.scaled {
		u.release(c, u.discard(c, nil, because(Unwanted)))
	}
	for _, c := range u.orphans {
		if opt.RemoveOrphans {
			u.release(c, u.discard(c, nil, because(Orphaned)))
		}
	}
	for i := range u.wanted {
		u.run(&u.wanted[i])
	}
	u.noteOrphans()
	u.noteOtherFolders(u.touched())
	return u.finish(wholeGraph(p, obs.Containers))
}

// up is the making of one plan to bring a project up.
type up struct {
	*builder
	wanted []replica
	// What is there and not wanted: above the scale, of services the files do
	// not define, and of services that were not selected.
	scaled, orphans, unselected []instance

	// restarting maps services whose running containers are to be started anew
	// to the services that they follow.
	restarting map[string]string
	// What stops holds ports, and what is removed names, until then.
	ports map[portKey][]release
	names map[string][]release
}

// release is a step after which a port or a name is free.
type release struct {
	port    project.Port
	by      project.ID
	service string
	step    StepID
}

// surplus sorts out the containers that are there and not wanted.
func (u *up) surplus() {
	wanted := make(map[project.ID]bool, len(u.wanted))
	for _, r := range u.wanted {
		wanted[r.want.ID()] = true
	}
	present := map[string]bool{}
	for _, s := range u.project.Services {
		present[s.Name] = true
	}
	groups := instances(u.obs.Containers, nil)
	for _, id := range sortedIDs(groups) {
		service := groups[id][0].Spec.Service
		switch {
		case wanted[id]:
		case present[service]:
			u.scaled = append(u.scaled, groups[id]...)
		case slices.Contains(u.project.Known, service):
			u.unselected = append(u.unselected, groups[id]...)
		default:
			u.orphans = append(u.orphans, groups[id]...)
		}
	}
}

func sortedIDs[V any](m map[project.ID]V) []project.ID {
	return slices.SortedFunc(maps.Keys(m), func(a, b project.ID) int {
		return compareNatural(a.String(), b.String())
	})
}

// check returns everything that stands against the plan.
func (u *up) check() error {
	var ps problems
	u.unknownServices(&ps)
	if _, cycle := wantedGraph(u.project); cycle != nil {
		ps.add(cycle)
	}
	u.missingExternals(&ps)
	rest := u.unselected
	if !u.opt.RemoveOrphans {
		rest = slices.Concat(rest, u.orphans)
	}
	u.nameConflicts(&ps, u.wanted, rest)
	u.portConflicts(&ps, u.wanted, rest)
	return ps.err()
}

func (u *up) networks() {
	for _, n := range u.project.Networks {
		i := slices.IndexFunc(u.obs.Networks, func(o project.Network) bool { return o.Name == n.Name })
		switch {
		case i < 0:
			u.add(CreateNetwork{n}, nil, because(Missing))
		case n.External || u.obs.Networks[i].Project == u.project.Name:
		default:
			u.notice(fmt.Sprintf("a network with name %s exists but was not created for project %q. Set `external: true` to use an existing network",
				n.Name, u.project.Name), n.ID())
		}
	}
}

func (u *up) volumes() {
	for _, v := range u.project.Volumes {
		i := slices.IndexFunc(u.obs.Volumes, func(o project.Volume) bool { return o.Name == v.Name })
		switch {
		case i < 0:
			u.add(CreateVolume{v}, nil, because(Missing))
		case v.External || u.obs.Volumes[i].Project == u.project.Name:
		case u.obs.Volumes[i].Project == "":
			u.notice(fmt.Sprintf("volume %q already exists but was not created by gocompose. Use `external: true` to use an existing volume", v.Name), v.ID())
		default:
			u.notice(fmt.Sprintf("volume %q already exists but was created for project %q (expected %q). Use `external: true` to use an existing volume",
				v.Name, u.obs.Volumes[i].Project, u.project.Name), v.ID())
		}
	}
}

// create plans what makes the replica's container, where one must be made.
func (u *up) create(r *replica) {
	if !r.creates() {
		return
	}
	c := r.want
	var needs []StepID
	if _, here := u.obs.Images[c.Image]; !here {
		needs = append(needs, u.add(PullImage{c.Image}, nil, because(Missing)))
	}
	for _, n := range c.Networks {
		needs = append(needs, u.planned(VerbCreate, project.Network{Name: n.Network}.ID())...)
	}
	for _, m := range c.Mounts {
		if m.Type == project.MountVolume && m.Source != "" {
			needs = append(needs, u.planned(VerbCreate, project.Volume{Name: m.Source}.ID())...)
		}
	}
	id := ContainerID(u.project.Name, c.Service, c.Replica, u.opt.Nonce)
	step := u.add(CreateContainer{ID: id, Spec: c, Inherit: u.inherit(*r)}, needs, r.why)
	u.creates[c.Service] = append(u.creates[c.Service], step)
}

// restarts finds out which services must be started anew because one they need
// with `restart: true` is replaced or itself started anew.
func (u *up) restarts() {
	u.restarting = map[string]string{}
	if u.opt.NoStart {
		return
	}
	anew := map[string]bool{}
	for _, r := range u.wanted {
		anew[r.want.Service] = anew[r.want.Service] || r.replaces()
	}
	g, _ := wantedGraph(u.project)
	u.restarting = u.followers(g, anew)
}

// replace plans the end of the containers that the replica has too many, and
// the stop of one that is started anew. A replacement is made completely before
// the old one is stopped; finish adds that what it needs is made, too.
func (u *up) replace(r *replica) {
	if len(r.have) == 0 {
		return
	}
	id := r.want.ID()
	made := u.planned(VerbCreate, id)
	for _, extra := range r.have[1:] {
		u.release(extra, u.discard(extra, made, because(Interrupted)))
	}
	first := r.have[0]
	if r.creates() {
		u.release(first, u.discard(first, made, r.why))
	} else if u.restarting[r.want.Service] != "" && first.Running() {
		u.stop(first, nil, []Reason{u.follows(r)})
	}
}

func (u *up) follows(r *replica) Reason {
	return following(project.ID{Kind: project.KindService, Name: u.restarting[r.want.Service]})
}

// release notes what c gives back when it is removed by step last.
func (u *up) release(c instance, last StepID) {
	if u.ports == nil {
		u.ports, u.names = map[portKey][]release{}, map[string][]release{}
	}
	by := c.Spec.ID()
	u.names[c.Spec.Name] = append(u.names[c.Spec.Name], release{by: by, service: c.Spec.Service, step: last})
	for _, step := range u.planned(VerbStop, c.target) {
		for _, p := range c.Spec.Ports {
			if p.Published != 0 {
				u.ports[keyOf(p)] = append(u.ports[keyOf(p)], release{p, by, c.Spec.Service, step})
			}
		}
	}
}

// run plans to start the replica's container.
func (u *up) run(r *replica) {
	id := r.want.ID()
	needs := u.planned(VerbCreate, id)
	if gone := u.planned(VerbRemove, id); len(gone) > 0 {
		needs = append(needs, gone...)
	} else {
		needs = append(needs, u.planned(VerbStop, id)...)
	}
	for i := range r.have[min(1, len(r.have)):] {
		needs = append(needs, u.planned(VerbRemove, r.have[i+1].target)...)
	}
	switch {
	case r.creates():
		made := Ref{ContainerID(u.project.Name, r.want.Service, r.want.Replica, u.opt.Nonce), r.want.Name, id}
		u.begin(r, made, needs, r.why)
	case !r.have[0].Running():
		u.begin(r, r.have[0].ref(), needs, because(NotRunning))
	case len(u.planned(VerbStop, id)) > 0:
		u.begin(r, r.have[0].ref(), needs, []Reason{u.follows(r)})
	case r.have[0].State == StatePaused:
		if !u.opt.NoStart {
			u.keep(r.have[0])
		}
	default:
		u.unchanged = append(u.unchanged, r.have[0].ref())
		u.keep(r.have[0])
	}
}

func (u *up) begin(r *replica, c Ref, needs []StepID, why []Reason) {
	if u.opt.NoStart {
		return
	}
	for _, free := range u.names[r.want.Name] {
		if free.by != c.Target {
			needs = append(needs, u.freed(r, free))
		}
	}
	for _, p := range r.want.Ports {
		for _, free := range u.ports[keyOf(p)] {
			if free.by != c.Target && p.Overlaps(free.port) {
				needs = append(needs, u.freed(r, free))
			}
		}
	}
	u.start(c, r.want.Service, needs, why)
}

// freed returns the step that frees what the replica's start waits for.
func (u *up) freed(r *replica, free release) StepID {
	u.frees[r.want.Service] = append(u.frees[r.want.Service], free.service)
	return free.step
}

// touched returns the containers that the plan ends, and the orphans that it
// speaks of.
func (u *up) touched() []instance {
	list := slices.Clone(u.scaled)
	if u.opt.RemoveOrphans || !u.opt.IgnoreOrphans {
		list = append(list, u.orphans...)
	}
	for _, r := range u.wanted {
		if r.replaces() {
			list = append(list, r.have...)
		}
	}
	return list
}

func (u *up) noteOrphans() {
	if len(u.orphans) == 0 || u.opt.RemoveOrphans || u.opt.IgnoreOrphans {
		return
	}
	var names []string
	var ids []project.ID
	for _, c := range u.orphans {
		names, ids = append(names, c.Spec.Name), append(ids, c.target)
	}
	u.notice(fmt.Sprintf("Found orphan containers ([%s]) for this project. If you removed or renamed this service in your compose file, "+
		"you can run this command with the --remove-orphans flag to clean it up.", strings.Join(names, " ")), ids...)
}
