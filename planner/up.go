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
// on; what is about to be started again is left to that. A network that is defined
// anew is made anew: all of the project that runs on it, of whatever service, is
// stopped for it and started again. What runs in the network namespace of another
// container is started anew with that.
//
// A container is started when what its service needs is as it needs it; what runs
// already and starts nothing is not waited for. A container of a job that has ended
// with success stays as it is. Services that the project knows
// but that are not among p.Services are left alone, but for their networks. It
// fails with a *RefusedError that names everything in the way.
func Up(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	u := up{builder: newBuilder(p, obs, opt)}
	return u.plan()
}

func (u *up) plan() (*Plan, error) {
	u.wanted = u.replicas()
	u.surplus()
	u.redefine()
	u.supply()
	u.changed = u.changes()
	if err := u.check(); err != nil {
		return nil, err
	}
	u.networks()
	u.volumes()
	for i := range u.wanted {
		u.create(&u.wanted[i])
	}
	u.initImages()
	u.verifyPresent()
	u.clear()
	g := wholeGraph(u.project, u.obs.Containers)
	u.restarts(g)
	for i := range u.wanted {
		u.replace(&u.wanted[i])
	}
	for _, c := range u.scaled {
		u.release(c, u.discard(c, nil, because(Unwanted)))
	}
	for _, c := range u.orphans {
		if u.opt.RemoveOrphans {
			u.release(c, u.discard(c, nil, because(Orphaned)))
		}
	}
	for _, c := range u.rest() {
		if why := u.again[c.ID]; len(why) > 0 {
			u.stop(c, nil, why)
		}
	}
	u.replaceNetworks()
	u.replaceVolumes()
	u.roll()
	for i := range u.wanted {
		u.run(&u.wanted[i])
	}
	for _, c := range u.rest() {
		if why := u.again[c.ID]; len(why) > 0 {
			u.launch(c.ref(), c.Spec, u.planned(VerbStop, c.target), why)
		}
	}
	if err := u.unbuildable.err(); err != nil {
		return nil, err
	}
	u.noteUpdates()
	u.noteOrphans()
	u.noteOtherFolders(u.touched())
	return u.finish(g)
}

// up is the making of one plan to bring a project up.
type up struct {
	*builder
	wanted []replica
	// What is there and not wanted: above the scale, of services the files do
	// not define, and of services that were not selected.
	scaled, orphans, unselected []instance
	// oneOffs are the containers of `run` that stay as they are; those that have ended
	// are among the orphans.
	oneOffs []instance

	// changed are the networks that are replaced, by name, and why.
	changed map[string][]Reason
	// redefined are the volumes that are replaced, with their data, by name, and
	// why.
	redefined map[string][]Reason
	// again are the containers that stay, run, and are to be started anew, by
	// their identifiers, and why.
	again map[string][]Reason
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
		present[s.Name] = !s.Template.OneOff() // which its containers have nothing to do with
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
	u.sortOneOffs()
}

// rest returns the containers that are not wanted and stay.
func (u *up) rest() []instance {
	if u.opt.RemoveOrphans {
		return u.unselected
	}
	return slices.Concat(u.unselected, u.orphans)
}

// present returns all containers that are there.
func (u *up) present() []instance {
	list := slices.Concat(u.scaled, u.orphans, u.unselected)
	for _, r := range u.wanted {
		list = append(list, r.have...)
	}
	return list
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
	u.missingImages(&ps)
	staying := slices.Concat(u.rest(), u.oneOffs)
	u.nameConflicts(&ps, u.wanted, staying)
	u.portConflicts(&ps, u.wanted, staying)
	u.usedNetworks(&ps)
	u.heldByOneOffs(&ps)
	u.redefinedVolumes(&ps)
	u.sharedConflicts(&ps)
	u.supplyConflicts(&ps)
	return ps.err()
}

// create plans what makes the replica's container, where one must be made.
func (u *up) create(r *replica) {
	if !r.creates() {
		return
	}
	c := r.want
	var needs []StepID
	for _, image := range c.Images() {
		if !u.here(image) {
			needs = append(needs, u.obtain(image))
		}
	}
	for _, m := range c.Mounts {
		if m.Type == project.MountVolume && m.Source != "" {
			needs = append(needs, u.planned(VerbCreate, project.Volume{Name: m.Source}.ID())...)
		}
	}
	first := u.besidesRedefined(needs)
	for _, of := range u.suppliers(c) {
		made := stepID(VerbCreate, of.want.ID())
		needs = append(needs, made)
		if !u.onRedefined(of.want) {
			first = append(first, made)
		}
	}
	id := u.newID(c)
	step := u.add(CreateContainer{ID: id, Spec: c, Inherit: u.inherit(*r)}, needs, r.why)
	if u.onRedefined(c) { // what runs is stopped before this can be made, but not before all else
		u.creates[c.Service] = append(u.creates[c.Service], first...)
	} else {
		u.creates[c.Service] = append(u.creates[c.Service], step)
	}
}

// restarts finds out which of the running containers that stay must be started
// anew: those on networks that are replaced, those that have lost a namespace
// that they shared, and those that follow what is replaced or started.
func (u *up) restarts(g graph) {
	u.again = map[string][]Reason{}
	anew, fresh := map[string]bool{}, map[project.ID]bool{}
	staying := u.rest()
	for _, r := range u.wanted {
		if !r.creates() {
			staying = append(staying, r.have[0])
		}
		anew[r.want.Service] = anew[r.want.Service] || r.replaces() && !u.opt.NoStart
		fresh[r.want.ID()] = u.begins(r)
	}
	for _, c := range staying {
		why := u.displaced(c)
		if c.CutOff && c.Running() && !u.opt.NoStart && u.joins(c.Spec) {
			why = because(CutOff)
		}
		if len(why) > 0 {
			u.again[c.ID] = why
			anew[c.Spec.Service], fresh[c.Spec.ID()] = true, true
		}
	}
	for id, service := range u.follow(g, staying, anew, fresh) {
		if len(u.again[id]) == 0 {
			u.again[id] = []Reason{following(project.ID{Kind: project.KindService, Name: service})}
		}
	}
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
	if u.onRedefined(r.want) {
		made = nil
	}
	for _, extra := range r.have[1:] {
		u.release(extra, u.discard(extra, made, because(Interrupted)))
	}
	first := r.have[0]
	if r.creates() {
		u.release(first, u.discard(first, made, r.why))
	} else if why := u.again[first.ID]; len(why) > 0 {
		u.stop(first, nil, why)
	}
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
			if p.Fixed() {
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
		made := Ref{u.newID(r.want), r.want.Name, id}
		u.begin(r, made, needs, r.why)
	case r.done:
		u.runs[r.want.Service] = append(u.runs[r.want.Service], r.have[0].ref())
	case !r.have[0].Running():
		u.begin(r, r.have[0].ref(), needs, because(NotRunning))
	case len(u.again[r.have[0].ID]) > 0:
		u.launch(r.have[0].ref(), r.want, needs, u.again[r.have[0].ID])
	case r.have[0].State == StatePaused:
		if !u.opt.NoStart {
			u.keep(r.have[0])
		}
	default:
		if !u.isDue(r.have[0]) {
			u.unchanged = append(u.unchanged, r.have[0].ref())
		}
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
			if free.service != r.want.Service && p.Overlaps(free.port) {
				needs = append(needs, u.freed(r, free))
			}
		}
	}
	u.launch(c, r.want, needs, why)
}

// launch plans to start what was stopped or made, on its networks. A one-off is
// nothing that others need, though its service may be.
func (u *up) launch(c Ref, spec project.Container, needs []StepID, why []Reason) {
	needs = append(needs, u.onNetworks(spec)...)
	if spec.OneOff() {
		u.startAlone(c, spec.Service, needs, why)
		return
	}
	u.start(c, spec.Service, needs, why)
}

// freed returns the step that frees what the replica's start waits for.
func (u *up) freed(r *replica, free release) StepID {
	u.awaits(r.want.Service, free.service)
	return free.step
}

// touched returns the containers that the plan ends, or starts anew though they
// are not wanted, and the orphans that it speaks of.
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
	for _, c := range u.unselected {
		if len(u.again[c.ID]) > 0 {
			list = append(list, c)
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
