package planner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// Networks plans to make networks and to take others away. One that is in both
// is taken away and made again.
func Networks(create, remove []project.Network) *Plan {
	b := newBuilder(&project.Project{}, Observed{}, Options{})
	for _, n := range remove {
		b.add(RemoveNetwork{n}, nil, because(Requested))
	}
	for _, n := range create {
		b.add(CreateNetwork{n}, b.planned(VerbRemove, n.ID()), because(Requested))
	}
	steps, _ := sorted(b.steps) // each is there once, and none waits for one that waits
	return &Plan{Steps: steps}
}

// onNetwork tells whether c is on the network of that name, when it runs.
func onNetwork(c project.Container, name string) bool {
	return slices.ContainsFunc(c.Networks, func(e project.Endpoint) bool { return e.Network == name })
}

// isDefaultBridge tells whether n is the host's, which belongs to no project.
func isDefaultBridge(n project.Network) bool {
	return n.Name == project.DefaultBridge && n.Project == ""
}

func (b *builder) network(name string) (n project.Network, there bool) {
	i := slices.IndexFunc(b.obs.Networks, func(n project.Network) bool { return n.Name == name })
	if i < 0 {
		return n, false
	}
	return b.obs.Networks[i], true
}

// lacking plans to make the networks of c that are not there though they should
// be: those of the project, which an interrupted replacement has left out, and
// the default bridge, which somebody else has removed. It returns the steps.
func (b *builder) lacking(c project.Container) []StepID {
	var made []StepID
	for _, e := range c.Networks {
		if _, there := b.network(e.Network); there {
			continue
		}
		i := slices.IndexFunc(b.project.Networks, func(n project.Network) bool { return n.Name == e.Network })
		switch {
		case i >= 0 && !b.project.Networks[i].External:
			made = append(made, b.add(CreateNetwork{b.project.Networks[i]}, nil, because(Missing)))
		case i < 0 && e.Network == project.DefaultBridge:
			made = append(made, b.add(CreateNetwork{project.Network{Name: e.Network}}, nil, because(Missing)))
		}
	}
	return made
}

// networks plans to make what is missing, and finds out what is to be replaced:
// the networks of the project that were made by another definition.
func (u *up) networks() {
	for _, n := range u.project.Networks {
		have, there := u.network(n.Name)
		switch {
		case !there && !n.External:
			u.add(CreateNetwork{n}, nil, because(Missing))
		case n.External || isDefaultBridge(n) || u.changed[n.Name] != nil:
		case have.Project != u.project.Name:
			u.notice(fmt.Sprintf("a network with name %s exists but was not created for project %q. Set `external: true` to use an existing network",
				n.Name, u.project.Name), n.ID())
		}
	}
}

// Displaces tells whether bringing p up would replace a network or a volume that
// is there: then it has to be known who else uses it (Observed.Used).
func Displaces(p *project.Project, obs Observed) bool {
	u := up{builder: newBuilder(p, obs, Options{})}
	return len(u.changes()) > 0 || len(ChangedVolumes(p, obs)) > 0
}

// changes maps the networks that are to be replaced to the reasons.
func (u *up) changes() map[string][]Reason {
	changed := map[string][]Reason{}
	for _, n := range u.project.Networks {
		have, there := u.network(n.Name)
		if !there || n.External || isDefaultBridge(n) || have.Project != u.project.Name {
			continue
		}
		if why := diffNetwork(have, n); len(why) > 0 {
			changed[n.Name] = why
		}
	}
	return changed
}

// usedNetworks notes the networks that cannot be replaced because containers of
// other projects are on them.
func (u *up) usedNetworks(ps *problems) {
	for _, name := range slices.Sorted(maps.Keys(u.changed)) {
		id := project.Network{Name: name}.ID()
		if users := u.obs.Used[id]; len(users) > 0 {
			ps.conflict(id, "it has changed (%s) and is used by %s of other projects; stop them first",
				joined(u.changed[name]), strings.Join(users, ", "))
		}
	}
}

func joined(why []Reason) string {
	out := make([]string, len(why))
	for i, r := range why {
		out[i] = r.String()
	}
	return strings.Join(out, ", ")
}

// displaced returns why c must be stopped and started again, if it must: the
// networks it is on that are replaced.
func (u *up) displaced(c instance) []Reason {
	var why []Reason
	for _, e := range c.Spec.Networks {
		if u.changed[e.Network] != nil && c.Running() {
			why = append(why, following(project.Network{Name: e.Network}.ID()))
		}
	}
	return why
}

// replaceNetworks plans to remove the networks that have changed, once all that
// runs on them is stopped, and to make them again. What does not run is not
// touched: it is attached when it is started.
func (u *up) replaceNetworks() {
	for _, want := range u.project.Networks {
		why := u.changed[want.Name]
		if why == nil {
			continue
		}
		have, _ := u.network(want.Name)
		var stops []StepID
		for _, c := range u.present() {
			if c.Running() && onNetwork(c.Spec, want.Name) {
				stops = append(stops, u.planned(VerbStop, c.target)...)
				u.awaits(want.ID().String(), c.Spec.Service)
			}
		}
		gone := u.add(RemoveNetwork{have}, stops, why)
		u.add(CreateNetwork{want}, []StepID{gone}, why)
	}
}

// awaits notes that what starts a service waits for what ends of another. Networks
// stand among the services, by their IDs: what starts on one that is replaced
// waits for it, and it waits for all that is on it.
func (u *up) awaits(service, other string) {
	if !slices.Contains(u.frees[service], other) {
		u.frees[service] = append(u.frees[service], other)
	}
}

// onNetworks returns the steps that make the networks that a start of c needs.
func (u *up) onNetworks(c project.Container) []StepID {
	needs := u.lacking(c)
	for _, e := range c.Networks {
		id := project.Network{Name: e.Network}.ID()
		made := u.planned(VerbCreate, id)
		needs = append(needs, made...)
		if u.changed[e.Network] != nil {
			u.awaits(c.Service, id.String())
		} else {
			// Nothing is stopped before this is made.
			u.creates[c.Service] = append(u.creates[c.Service], made...)
		}
	}
	return needs
}
