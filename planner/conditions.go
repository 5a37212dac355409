package planner

import (
	"slices"

	"github.com/gocompose/gocompose/project"
)

// conditions plans the waits for the conditions of depends_on: for each
// container of a needed service, when a container of a service in need is
// started. It returns them by who needs whom. A service that is not brought up,
// or scaled to none, has no containers and is not waited for.
func (b *builder) conditions(g graph) map[edge][]StepID {
	out := map[edge][]StepID{}
	for _, s := range b.project.Services {
		if !b.needy[s.Name] {
			continue
		}
		for _, n := range s.Template.Needs {
			conditional := n.Condition == project.Healthy || n.Condition == project.Completed
			if !conditional || !slices.Contains(g.needs[s.Name], n.Service) {
				continue // what closed a cycle is no edge
			}
			to := edge{s.Name, n.Service}
			for _, c := range b.runs[n.Service] {
				op := AwaitContainer{Container: c, Until: n.Condition, Optional: n.Optional}
				out[to] = append(out[to], b.await(op, neededBy(s.Name)))
			}
		}
	}
	return out
}

// ready plans the waits that the user asked for: for every container of the
// services that are meant. Of a job, and of a service that others need completed,
// success is waited for.
func (b *builder) ready() {
	if !b.opt.Wait {
		return
	}
	completes := map[string]bool{}
	for _, s := range b.project.Services {
		for _, n := range s.Template.Needs {
			completes[n.Service] = completes[n.Service] || n.Condition == project.Completed
		}
	}
	for _, s := range b.project.Services {
		if !b.selected(s.Name) {
			continue
		}
		until := project.Ready
		if completes[s.Name] || s.Job {
			until = project.Completed
		}
		for _, c := range b.runs[s.Name] {
			b.await(AwaitContainer{Container: c, Until: until}, Reason{Cause: Requested})
		}
	}
}

// await plans op after the start of its container, if that is planned, once for
// all who need it: it is optional only when it is for each of them.
func (b *builder) await(op AwaitContainer, why Reason) StepID {
	needs := b.planned(VerbStart, op.Target())
	for _, v := range []Verb{VerbPostStart, VerbUnpause} {
		if len(needs) == 0 {
			needs = b.planned(v, op.Target())
		}
	}
	id := b.add(op, needs, []Reason{why})
	s := &b.steps[b.at[id]]
	if !slices.Contains(s.Why, why) {
		s.Why = append(s.Why, why)
	}
	if !op.Optional {
		s.Op = op
	}
	return id
}

// awaitsOf returns the waits for a container that are planned.
func (b *builder) awaitsOf(target project.ID) []StepID {
	var out []StepID
	for _, v := range []Verb{VerbAwaitHealthy, VerbAwaitCompleted, VerbAwaitReady} {
		out = append(out, b.planned(v, target)...)
	}
	return out
}
