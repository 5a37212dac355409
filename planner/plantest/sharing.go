package plantest

import (
	"maps"
	"slices"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// shared returns the container whose namespace a container of that specification
// is in, or would be: of two the one that runs.
func (w *World) shared(c project.Container, share project.Share) (of container) {
	for _, id := range slices.Sorted(maps.Keys(w.containers)) {
		o := w.containers[id]
		first := o.Spec.Project == c.Project && o.Spec.Service == share.Service && o.Spec.Replica == 1
		if (first || o.Spec.Name == share.Container) && (of.ID == "" || o.Running()) {
			of = o
		}
	}
	return of
}

// join has c be in the namespaces that it shares now.
func (w *World) join(c *container) {
	c.joined = map[string]string{}
	for _, share := range c.Spec.Shares() {
		c.joined[share.Attribute] = w.shared(c.Spec, share).ID
	}
}

// lives tells whether there is a process.
func (c container) lives() bool {
	return c.State == planner.StateRunning || c.State == planner.StatePaused
}

// cutOff tells whether c runs in a namespace that is nobody's now.
func (w *World) cutOff(c container) bool {
	return c.Running() && slices.ContainsFunc(c.Spec.Shares(), func(share project.Share) bool {
		of := w.shared(c.Spec, share)
		return share.Attribute != project.AttributePID && (!of.lives() || of.ID != c.joined[share.Attribute])
	})
}

// pass lets time pass for c. What is started again joins what it shares anew, and
// nothing is started among the processes of what does not run.
func (w *World) pass(c container) container {
	for _, share := range c.Spec.Shares() {
		if share.Attribute == project.AttributePID && c.State == planner.StateRestarting {
			of := w.pass(w.shared(c.Spec, share))
			if !of.lives() {
				return c
			}
			w.put(of)
		}
	}
	before := c.runs
	if c.pass(); c.runs > before {
		w.join(&c)
	}
	return c
}

// put replaces what is known of a container, and wakes who waits for that. With
// the first process of a namespace all others in it end.
func (w *World) put(c container) {
	w.containers[c.ID] = c
	if !c.lives() {
		for _, id := range slices.Sorted(maps.Keys(w.containers)) {
			if o := w.containers[id]; o.lives() && o.joined[project.AttributePID] == c.ID {
				o.end(killed)
				w.put(o)
			}
		}
	}
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}
