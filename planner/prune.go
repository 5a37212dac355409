package planner

import (
	"slices"

	"github.com/gocompose/gocompose/project"
)

// Pruned is what is to be taken away, of whatever projects: what nothing else uses.
type Pruned struct {
	Containers []Container // which do not run
	Networks   []project.Network
	Volumes    []project.Volume
	Images     []RemoveImage
}

// Empty tells whether it is nothing.
func (p Pruned) Empty() bool {
	return len(p.Containers)+len(p.Networks)+len(p.Volumes)+len(p.Images) == 0
}

// Prune plans to take it away: the containers, and then what they use. In this plan a
// container is called by its name, which is its own on the whole host.
func Prune(what Pruned) *Plan {
	b := newBuilder(&project.Project{}, Observed{}, Options{})
	users := map[project.ID][]StepID{}
	for _, c := range what.Containers {
		target := project.ID{Kind: project.KindContainer, Name: c.Spec.Name}
		if len(b.planned(VerbRemove, target)) > 0 { // a replacement was interrupted
			target.Name = c.ID
		}
		step := b.add(RemoveContainer{Ref{ID: c.ID, Name: c.Spec.Name, Target: target}}, nil, because(Requested))
		for used := range has(c) {
			users[used] = append(users[used], step)
		}
	}
	for _, n := range what.Networks {
		b.add(RemoveNetwork{n}, users[n.ID()], because(Requested))
	}
	for _, v := range what.Volumes {
		b.add(RemoveVolume{v}, users[v.ID()], because(Requested))
	}
	for _, i := range what.Images {
		b.add(i, users[i.Target()], because(Requested))
	}
	steps, _ := sorted(b.steps) // each is there once, and none waits for one that waits
	for i := range steps {
		slices.Sort(steps[i].Needs)
	}
	return &Plan{Steps: steps}
}
