package planner

import (
	"maps"
	"slices"

	"github.com/gocompose/gocompose/project"
)

// Remove plans to remove the containers that do not run, of the services
// selected or of all of p; with Options.Stop also those that run, which are
// stopped before. With Options.Volumes their anonymous volumes go too, unless
// another container has them. Containers of `run` go only when Options.Only has
// them. Plan.Removes names what goes.
func Remove(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	b := newBuilder(p, obs, opt)
	b.clear()
	var ps problems
	b.unknownServices(&ps)
	if err := ps.err(); err != nil {
		return nil, err
	}
	meant := b.meant(opt.Selected)
	removed := map[project.ID][]StepID{} // by what the containers have
	anonymous := map[string]bool{}       // their volumes
	kept := map[project.ID]bool{}        // what containers have that stay
	settle := func(c instance, goes bool) {
		if !goes || c.Running() && !opt.Stop {
			maps.Copy(kept, uses(c.Container))
			return
		}
		last := b.discard(c, nil, because(Requested))
		for used := range uses(c.Container) {
			removed[used] = append(removed[used], last)
		}
		for _, volume := range c.Anonymous {
			anonymous[volume] = true
		}
	}
	groups := instances(obs.Containers, nil)
	for _, id := range sortedIDs(groups) {
		for _, c := range groups[id] {
			settle(c, meant[c.Spec.Service] && !b.spared(c))
		}
	}
	for _, c := range oneOffs(obs) {
		settle(c, b.named(c))
	}
	if opt.Volumes {
		for _, name := range slices.Sorted(maps.Keys(anonymous)) {
			v := project.Volume{Name: name, Project: p.Name, Anonymous: true}
			if i := slices.IndexFunc(obs.Volumes, func(o project.Volume) bool { return o.Name == name }); i >= 0 {
				v = obs.Volumes[i]
			}
			if v.Anonymous && !kept[v.ID()] && len(obs.Used[v.ID()]) == 0 {
				b.add(RemoveVolume{v}, removed[v.ID()], because(Requested))
			}
		}
	}
	return b.finish(wholeGraph(b.project, obs.Containers))
}
