package planner

import (
	"maps"
	"slices"

	"github.com/gocompose/gocompose/project"
)

// roll notes the services whose replicas are replaced one after the other: they
// have a host port together, which so is served all the time.
func (u *up) roll() {
	for _, s := range u.project.Services {
		if !slices.ContainsFunc(s.Template.Ports, project.Port.Fixed) {
			continue
		}
		for _, c := range s.Containers() {
			u.rolling[s.Name] = append(u.rolling[s.Name], c.ID())
		}
		for _, c := range u.scaled {
			if c.Spec.Service == s.Name {
				u.rolling[s.Name] = append(u.rolling[s.Name], c.target)
			}
		}
	}
}

// oneAtATime makes a replica's stop need that the one before has been started.
// First are those that need not be stopped, last those that only are. Where a
// start has to wait for the stop anyway, for a dependency or a network that is
// replaced, it cannot be.
func (b *builder) oneAtATime() {
	for _, service := range slices.Sorted(maps.Keys(b.rolling)) {
		var last StepID
		for _, turn := range []struct{ stops, starts bool }{{false, true}, {true, true}, {true, false}} {
			for _, id := range b.rolling[service] {
				stop, start := b.planned(VerbStop, id), b.planned(VerbStart, id)
				if len(stop) > 0 != turn.stops || len(start) > 0 != turn.starts {
					continue
				}
				if turn.stops && last != "" && !b.waits(last, stop[0]) {
					s := &b.steps[b.at[stop[0]]]
					s.Needs = append(s.Needs, last)
				}
				if turn.starts {
					last = start[0]
				}
			}
		}
	}
}

// waits tells whether a step waits for another, directly or not.
func (b *builder) waits(id, other StepID) bool {
	seen := map[StepID]bool{id: true}
	next := []StepID{id}
	for len(next) > 0 {
		s := b.steps[b.at[next[len(next)-1]]]
		next = next[:len(next)-1]
		for _, list := range [][]StepID{s.Needs, s.After} {
			for _, n := range list {
				if n == other {
					return true
				}
				if !seen[n] {
					seen[n] = true
					next = append(next, n)
				}
			}
		}
	}
	return false
}
