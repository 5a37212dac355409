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
	Send    Action = '~' // pushed
	Check   Action = '✓' // whether it is signed
	Build   Action = '@' // built, perhaps only if it cannot be pulled
	Signal  Action = '^' // sent a signal
	Freeze  Action = '|'
	Thaw    Action = '»'
	Prepare Action = '*' // its pre_start is run
	Provide Action = '=' // its provider's up is run; for its down there is Delete
	Hold    Action = '?' // waited for, and nothing else
)

// Change is one line of a summary.
type Change struct {
	ID     project.ID
	Action Action
	// Why are the reasons of what is done, in the order of the steps, each
	// once; that it is also waited for needs none of its own.
	Why []Reason
	// Tried: it is built only if the pull that comes first brings nothing.
	Tried bool
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
	}
	for i := range out {
		out[i].Action = action(verbs[i])
		out[i].Tried = out[i].Action == Build && verbs[i][VerbPull]
	}
	for _, s := range p.Steps {
		c := &out[at[s.Op.Target()]]
		if _, waits := s.Op.(AwaitContainer); waits != (c.Action == Hold) {
			continue
		}
		for _, r := range s.Why {
			if !slices.Contains(c.Why, r) {
				c.Why = append(c.Why, r)
			}
		}
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
	case did[VerbRemove] || did[VerbDown]:
		return Delete
	case did[VerbStart] || did[VerbPostStart]:
		return Run
	case did[VerbStop]:
		return Halt
	case did[VerbBuild]:
		return Build
	case did[VerbPull]:
		return Fetch
	case did[VerbVerify]:
		return Check
	case did[VerbPush]:
		return Send
	case did[VerbKill]:
		return Signal
	case did[VerbPause]:
		return Freeze
	case did[VerbUnpause]:
		return Thaw
	case did[VerbPreStart]:
		return Prepare
	case did[VerbUp]:
		return Provide
	default:
		return Hold
	}
}
