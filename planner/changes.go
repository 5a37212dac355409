package planner

import (
	"slices"

	"github.com/gocompose/gocompose/project"
)

// Action sums up all that a plan does to one resource, for people.
type Action rune

const (
	Add     Action = '+'
	Delete  Action = '-'
	Replace Action = '±'
	Run     Action = '>' // started, or stopped and started again
	Halt    Action = '#'
	Fetch   Action = '<'
	Hold    Action = '?' // waited for
)

// Change is one line of a summary.
type Change struct {
	ID     project.ID
	Action Action
	Why    []Reason // in the order of the steps, each once
}

// Changes sums the plan up by resource, sorted by the resource's name.
func (p *Plan) Changes() []Change {
	at := map[project.ID]int{}
	var out []Change
	var verbs []map[Verb]bool
	for _, s := range p.Steps {
		id := s.Op.Target()
		i, known := at[id]
		if !known {
			i = len(out)
			at[id] = i
			out = append(out, Change{ID: id})
			verbs = append(verbs, map[Verb]bool{})
		}
		verbs[i][s.Op.Verb()] = true
		for _, r := range s.Why {
			if !slices.Contains(out[i].Why, r) {
				out[i].Why = append(out[i].Why, r)
			}
		}
	}
	for i := range out {
		out[i].Action = action(verbs[i])
	}
	slices.SortFunc(out, func(a, b Change) int { return compareNatural(a.ID.String(), b.ID.String()) })
	return out
}

func action(did map[Verb]bool) Action {
	switch {
	case did[VerbCreate] && did[VerbRemove]:
		return Replace
	case did[VerbCreate]:
		return Add
	case did[VerbRemove]:
		return Delete
	case did[VerbStart]:
		return Run
	case did[VerbStop]:
		return Halt
	case did[VerbPull]:
		return Fetch
	default:
		return Hold
	}
}
