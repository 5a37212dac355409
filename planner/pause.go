package planner

import (
	"slices"

	"github.com/gocompose/gocompose/project"
)

// Pause plans to freeze the running containers of the services selected, or of
// all of p. A service that was named and of which none runs is a
// *NotRunningError; that all are paused already is a *ContainerStateError for
// each. One that is about to be started again has no process and is not
// running.
func Pause(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	return freeze(p, obs, opt, StateRunning, func(c Ref) Op { return PauseContainer{c} })
}

// Unpause plans to let the paused containers of the services selected, or of
// all of p, go on. When none is paused, each that runs is a
// *ContainerStateError.
func Unpause(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	return freeze(p, obs, opt, StatePaused, func(c Ref) Op { return UnpauseContainer{c} })
}

// freeze plans op for every container that is meant and in that state.
func freeze(p *project.Project, obs Observed, opt Options, from State, op func(Ref) Op) (*Plan, error) {
	b := newBuilder(p, obs, opt)
	var ps problems
	b.unknownServices(&ps)
	meant := b.meant(opt.Selected)
	fits, runs := map[string]bool{}, map[string][]instance{}
	for _, c := range b.standing() {
		service := c.Spec.Service
		switch {
		case !meant[service]:
		case c.State == from:
			fits[service] = true
			b.add(op(c.ref()), nil, because(Requested))
		case c.State == StateRunning || c.State == StatePaused:
			runs[service] = append(runs[service], c)
		}
	}
	for _, service := range b.mustFit(fits) {
		if len(runs[service]) == 0 && slices.Contains(opt.Selected, service) {
			ps.add(&NotRunningError{service})
		}
		for _, c := range runs[service] {
			is := "already paused"
			if from == StatePaused {
				is = "not paused"
			}
			ps.add(&ContainerStateError{c.Spec.Name, is})
		}
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	return b.finish(wholeGraph(b.project, obs.Containers))
}

// mustFit returns the services that nothing can be done with though something
// must: of those that were named each, of all of a project only all.
func (b *builder) mustFit(fits map[string]bool) []string {
	names := b.opt.Selected
	if len(names) == 0 && len(fits) == 0 {
		names = b.serviceNames()
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return fits[n] })
}
