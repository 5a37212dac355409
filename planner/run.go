package planner

import (
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// OneOff plans to bring a one-off up, with what it needs: p has a service with one
// container of its own (project.Service.AsOneOff), whose other containers are left
// alone, and the services that it needs, which are brought up as by Up. The one-off is
// started last of all, so that from then on nothing but it is going on.
func OneOff(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	u := up{builder: newBuilder(p, obs, opt)}
	return u.plan()
}

// EndOneOff plans what becomes of the container of that identifier when nobody attends
// to it any more: one that runs is stopped; one that is to be removed then, or was
// never started, is.
func EndOneOff(p *project.Project, obs Observed, id string) (*Plan, error) {
	b := newBuilder(p, obs, Options{})
	for _, c := range slices.Concat(obs.Containers, obs.OneOffs, obs.Leftovers) {
		if c.ID != id {
			continue
		}
		i := instance{c, c.Spec.ID()}
		stop := b.stop(i, nil, because(Over))
		if c.Spec.Temporary || c.State == StateCreated {
			b.add(RemoveContainer{i.ref()}, stop, because(Over))
		}
	}
	return b.finish(wholeGraph(b.project, obs.Containers))
}

// EndAlone is EndOneOff of a container that is all of its project, which goes then with
// its networks, unless somebody has brought another container into it.
func EndAlone(p *project.Project, obs Observed, id string) (*Plan, error) {
	other := func(c Container) bool { return c.ID != id }
	if slices.ContainsFunc(slices.Concat(obs.Containers, obs.OneOffs, obs.Leftovers), other) {
		return EndOneOff(p, obs, id)
	}
	return Down(p, obs, Options{})
}

// sortOneOffs sorts out the containers of `run`: those that have ended are orphans,
// whatever their service.
func (u *up) sortOneOffs() {
	for _, c := range oneOffs(u.obs) {
		if c.State == StateExited {
			u.orphans = append(u.orphans, c)
		} else {
			u.oneOffs = append(u.oneOffs, c)
		}
	}
}

// oneOffs returns the containers of `run` that are there, in order.
func oneOffs(obs Observed) []instance {
	groups := instances(obs.OneOffs, nil)
	var out []instance
	for _, id := range sortedIDs(groups) {
		out = append(out, groups[id]...)
	}
	return out
}

// heldByOneOffs notes the networks and volumes that cannot be replaced because
// one-offs have them, whose runs are not to be broken off.
func (u *up) heldByOneOffs(ps *problems) {
	for _, c := range u.oneOffs {
		used := uses(c.Container)
		for _, n := range u.project.Networks {
			if why := u.changed[n.Name]; why != nil && c.Running() && used[n.ID()] {
				ps.conflict(n.ID(), "it has changed (%s) and is used by %s, which `run` has made; wait for its end, or end it with `gocompose kill %s`",
					joined(why), c.Spec.Name, c.Spec.Service)
			}
		}
		for name, why := range u.redefined {
			if id := (project.Volume{Name: name}).ID(); used[id] {
				ps.conflict(id, "it has changed (%s) and is used by %s, which `run` has made; wait for its end, or end it with `gocompose kill %s`",
					joined(why), c.Spec.Name, c.Spec.Service)
			}
		}
	}
}

// startLast has the one-off that is started come after everything else.
func (b *builder) startLast() {
	for _, s := range b.project.Services {
		start := stepID(VerbStart, s.Template.ID())
		at, planned := b.at[start]
		if !s.Template.OneOff() || !planned {
			continue
		}
		before := map[StepID]bool{} // and whether none of them waits for it
		for _, other := range b.steps {
			if id := other.ID(); id != start && !b.waits(id, start) {
				before[id] = true
			}
		}
		for _, other := range b.steps {
			if _, is := before[other.ID()]; is {
				for _, n := range slices.Concat(other.Needs, other.After) {
					before[n] = false
				}
			}
		}
		for id, last := range before {
			if last {
				b.steps[at].After = append(b.steps[at].After, id)
			}
		}
	}
}

// noteStaying says which containers of `run` a plan that takes the project away
// leaves, and what would take them.
func (b *builder) noteStaying(list []instance) {
	if len(list) == 0 {
		return
	}
	var names []string
	var ids []project.ID
	for _, c := range list {
		names, ids = append(names, c.Spec.Name), append(ids, c.target)
	}
	slices.Sort(names)
	b.notice("containers that `run` has made stay: "+strings.Join(names, ", ")+"; --remove-orphans takes them too", ids...)
}
