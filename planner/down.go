package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// Down plans to take p away: its containers, then its networks, and with
// Options.Volumes its volumes, those named in p and the anonymous ones. What
// other containers use stays, with a notice. Services that the project knows
// but that are not among p.Services are left alone.
func Down(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	d := down{builder: newBuilder(p, obs, opt), removed: map[project.ID][]StepID{}}
	d.clear()
	var ps problems
	d.unknownServices(&ps)
	if err := ps.err(); err != nil {
		return nil, err
	}
	g := wholeGraph(d.project, obs.Containers)
	d.containers(g)
	d.networks()
	if opt.Volumes {
		d.volumes()
	}
	d.images()
	d.providers()
	d.noteOtherFolders(d.gone)
	if len(d.steps) == 0 && len(d.notices) == 0 {
		d.notice(fmt.Sprintf("No resource found to remove for project %q.", p.Name))
	}
	return d.finish(g)
}

// down is the making of one plan to take a project away.
type down struct {
	*builder
	gone []instance // containers that are removed
	stay []instance
	// removed maps networks, volumes and images to the removals of the containers that
	// use them, which come first.
	removed map[project.ID][]StepID
}

// containers plans to remove the containers of the services meant.
func (d *down) containers(g graph) {
	named := d.opt.Selected
	if len(named) == 0 {
		named = d.serviceNames()
	}
	meant := g.reversed().closure(named)
	for name := range meant {
		if !d.ours(name) {
			delete(meant, name) // it needs one of ours, and is none
		}
	}
	groups := instances(d.obs.Containers, nil)
	for _, id := range sortedIDs(groups) {
		service := groups[id][0].Spec.Service
		var why []Reason
		switch {
		case slices.Contains(named, service):
			why = because(Requested)
		case meant[service]:
			why = []Reason{following(project.ID{Kind: project.KindService, Name: d.follows(g, service, meant)})}
		case d.orphaned(service) && d.opt.RemoveOrphans:
			why = because(Orphaned)
		default:
			d.stay = append(d.stay, groups[id]...)
			continue
		}
		for _, c := range groups[id] {
			last := d.discard(c, nil, why)
			d.gone = append(d.gone, c)
			for used := range has(c.Container) {
				d.removed[used] = append(d.removed[used], last)
			}
		}
	}
	d.oneOffs(meant)
}

// oneOffs plans to remove the containers of `run` with the orphans: those of the
// services meant, and those that have ended.
func (d *down) oneOffs(meant map[string]bool) {
	var left []instance
	for _, c := range oneOffs(d.obs) {
		if !d.opt.RemoveOrphans || len(d.opt.Selected) > 0 && !meant[c.Spec.Service] && c.State != StateExited {
			left = append(left, c)
			continue
		}
		last := d.discard(c, nil, because(Orphaned))
		d.gone = append(d.gone, c)
		for used := range has(c.Container) {
			d.removed[used] = append(d.removed[used], last)
		}
	}
	d.stay = append(d.stay, left...)
	if len(d.opt.Selected) == 0 {
		d.noteStaying(left)
	}
}

// follows returns the service that needed makes service go: the first that it
// needs of those that go.
func (d *down) follows(g graph, service string, meant map[string]bool) string {
	for _, n := range g.needs[service] {
		if meant[n] {
			return n
		}
	}
	return service
}

func (b *builder) serviceNames() []string {
	names := make([]string, len(b.project.Services))
	for i, s := range b.project.Services {
		names[i] = s.Name
	}
	return names
}

// ours tells whether the project has the service and it was selected.
func (b *builder) ours(service string) bool {
	return slices.ContainsFunc(b.project.Services, func(s project.Service) bool { return s.Name == service })
}

func (b *builder) orphaned(service string) bool {
	return !b.ours(service) && !slices.Contains(b.project.Known, service)
}

// uses returns the networks and volumes of c.
func uses(c Container) map[project.ID]bool {
	out := specUses(c.Spec)
	for _, v := range c.Anonymous {
		out[project.Volume{Name: v}.ID()] = true
	}
	for _, m := range c.Taken {
		if m.Type == project.MountVolume {
			out[project.Volume{Name: m.Source}.ID()] = true
		}
	}
	return out
}

func specUses(c project.Container) map[project.ID]bool {
	out := map[project.ID]bool{}
	for _, n := range c.Networks {
		out[project.Network{Name: n.Network}.ID()] = true
	}
	for _, m := range c.Mounts {
		if m.Type == project.MountVolume && m.Source != "" {
			out[project.Volume{Name: m.Source}.ID()] = true
		}
	}
	return out
}

// users returns who keeps a resource from going: containers that stay, by name,
// and those of other projects.
func (d *down) users(id project.ID) []string {
	var names []string
	for _, c := range d.stay {
		if id.Kind == project.KindNetwork && c.Spec.OneOff() && !c.Running() {
			continue // it is not going to be started again
		}
		if has(c.Container)[id] {
			names = append(names, c.Spec.Name)
		}
	}
	return append(names, d.obs.Used[id]...)
}

// remove plans op when nothing keeps its target.
func (d *down) remove(op Op) {
	id := op.Target()
	if names := d.users(id); len(names) > 0 {
		d.notice(fmt.Sprintf("%s is still in use by %s and was left", id, strings.Join(names, ", ")), id)
		return
	}
	d.add(op, d.removed[id], because(Requested))
}

// among tells whether a resource goes when only some services do: when one that
// goes uses it and none that stays does.
func (d *down) among(id project.ID) bool {
	if len(d.opt.Selected) == 0 {
		return true
	}
	used := len(d.removed[id]) > 0
	for _, s := range d.project.Services {
		if !specUses(s.Template)[id] {
			continue
		}
		if !slices.ContainsFunc(d.gone, func(c instance) bool { return c.Spec.Service == s.Name }) &&
			!slices.Contains(d.opt.Selected, s.Name) {
			return false
		}
		used = true
	}
	return used
}

func (d *down) networks() {
	external := map[string]bool{}
	for _, n := range d.project.Networks {
		external[n.Name] = n.External
	}
	for _, n := range sortedBy(d.obs.Networks, project.Network.ID) {
		if isDefaultBridge(n) {
			d.defaultBridge(n)
			continue
		}
		if !n.External && !external[n.Name] && n.Project == d.project.Name && d.among(n.ID()) {
			d.remove(RemoveNetwork{n})
		}
	}
}

// defaultBridge plans to remove the host's bridge when what goes uses it and
// nobody else does. It is nobody's, and is made again when it is needed: that it
// stays is no news.
func (d *down) defaultBridge(n project.Network) {
	id := n.ID()
	wanted := slices.ContainsFunc(d.project.Networks, func(w project.Network) bool { return w.Name == n.Name })
	if (wanted || len(d.removed[id]) > 0) && d.among(id) && len(d.users(id)) == 0 {
		d.remove(RemoveNetwork{n})
	}
}

// volumes plans to remove the volumes of the project that the files name, and
// the anonymous ones. One that no file names any more is data nobody asked
// about, and stays.
func (d *down) volumes() {
	named := map[string]project.Volume{}
	for _, v := range d.project.Volumes {
		named[v.Name] = v
	}
	seen := map[string]bool{}
	for _, v := range sortedBy(d.obs.Volumes, project.Volume.ID) {
		seen[v.Name] = true
		want, declared := named[v.Name]
		if v.External || want.External || v.Project != d.project.Name {
			continue
		}
		if !declared && !v.Anonymous || !d.among(v.ID()) {
			continue
		}
		d.remove(RemoveVolume{v})
	}
	for _, c := range d.gone {
		for _, name := range c.Anonymous {
			if !seen[name] {
				seen[name] = true
				d.remove(RemoveVolume{project.Volume{Name: name, Project: d.project.Name, Anonymous: true}})
			}
		}
	}
}

func sortedBy[T any](list []T, id func(T) project.ID) []T {
	return slices.SortedFunc(slices.Values(list), func(a, b T) int {
		return compareNatural(id(a).String(), id(b).String())
	})
}
