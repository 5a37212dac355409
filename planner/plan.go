package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// StepID names a step within a plan: "create container/web-1". It is made of
// words, not numbers, so that adding a step does not rename the others.
type StepID string

// Step is one operation, the steps it waits for, and the reasons for it, of
// which there is at least one.
type Step struct {
	Op    Op
	Needs []StepID // sorted, without duplicates
	// After are steps that must have ended before this one begins, well or not:
	// an optional dependency that fails stops nobody. Sorted, without
	// duplicates, and none of Needs.
	After []StepID
	Why   []Reason
}

// ID returns the verb and the target: "create container/web-1".
func (s Step) ID() StepID { return stepID(s.Op.Verb(), s.Op.Target()) }

func stepID(v Verb, target project.ID) StepID {
	return StepID(string(v) + " " + target.String())
}

// Plan is an acyclic graph of steps. Steps are sorted: each stands after all it
// needs, and steps that could stand in either order stand by name. A Plan is
// not changed once it is made.
type Plan struct {
	Project string
	Steps   []Step
	Notices []Notice
	// Unchanged are the wanted containers that run and stay as they are, in
	// the order of their targets.
	Unchanged []Ref
}

// Notice is something the user should know that no step acts on.
type Notice struct {
	Text string `json:"text"`
	// Of are the resources it is about, sorted; there may be none.
	Of []project.ID `json:"of,omitempty"`
}

// Empty tells whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.Steps) == 0 }

// String is the plan in its test form: one line a step, in order.
func (p *Plan) String() string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%s", s.ID())
		for _, r := range s.Why {
			fmt.Fprintf(&b, " (%s)", r)
		}
		b.WriteByte('\n')
		for _, n := range s.Needs {
			fmt.Fprintf(&b, "\tafter %s\n", n)
		}
		for _, n := range s.After {
			fmt.Fprintf(&b, "\tafter %s, even if it fails\n", n)
		}
	}
	for _, n := range p.Notices {
		fmt.Fprintf(&b, "notice: %s\n", n.Text)
	}
	return b.String()
}

// Removes returns the names of the containers that the plan removes, for the
// command to ask about.
func (p *Plan) Removes() []string {
	var names []string
	for _, s := range p.Steps {
		if op, ok := s.Op.(RemoveContainer); ok {
			names = append(names, op.Container.Name)
		}
	}
	slices.SortFunc(names, compareNatural)
	return names
}
