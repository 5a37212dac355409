package planner

import (
	"github.com/gocompose/gocompose/project"
)

// Stop plans to stop the running containers of the services selected, or of
// all of p, those that need others first.
func Stop(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	b := newBuilder(p, obs, opt)
	b.clear()
	var ps problems
	b.unknownServices(&ps)
	if err := ps.err(); err != nil {
		return nil, err
	}
	meant := b.meant(opt.Selected)
	groups := instances(obs.Containers, nil)
	for _, id := range sortedIDs(groups) {
		for _, c := range groups[id] {
			if meant[c.Spec.Service] && !b.spared(c) {
				b.stop(c, nil, because(Requested))
			}
		}
	}
	for _, c := range oneOffs(obs) {
		if opt.OneOffs || b.named(c) {
			b.stop(c, nil, because(Requested))
		}
	}
	return b.finish(wholeGraph(b.project, obs.Containers))
}

// meant returns the services of names, or all of the project when there are
// none.
func (b *builder) meant(names []string) map[string]bool {
	if len(names) == 0 {
		names = b.serviceNames()
	}
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out
}
