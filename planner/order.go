package planner

import (
	"maps"
	"slices"
)

// finish orders what starts and stops by the dependencies of services, adds the
// waits for their conditions, and returns the plan: a container is started
// after those its service needs, and stopped after those that need its service,
// but not before all is made that its successor's start depends on.
func (b *builder) finish(g graph) (*Plan, error) {
	b.orderStops(g)
	b.orderStarts(g)
	b.oneAtATime()
	b.afterClearing()
	b.hooks()
	b.startLast()
	b.verifyFirst()
	for i := range b.steps {
		s := &b.steps[i]
		slices.Sort(s.Needs)
		s.Needs = slices.Compact(s.Needs)
		slices.Sort(s.After)
		s.After = without(slices.Compact(s.After), s.Needs)
	}
	steps, err := sorted(b.steps)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(b.unchanged, func(x, y Ref) int {
		return compareNatural(x.Target.String(), y.Target.String())
	})
	return &Plan{b.project.Name, steps, b.notices, b.unchanged}, nil
}

// orderStarts makes what begins wait for what its service needs. A need that is
// optional only gives the order.
func (b *builder) orderStarts(g graph) {
	waits := b.conditions(g)
	b.ready()
	all := b.before(g, waits)
	must := all
	if len(g.optional) > 0 {
		must = b.before(g.required(), waits)
	}
	b.wait(b.firsts, must, all)
	// What is waited for and runs already is looked at when it would have been
	// started: while what it needs is replaced it may be out of order.
	for service, refs := range b.runs {
		for _, c := range refs {
			for _, id := range b.awaitsOf(c.Target) {
				if s := &b.steps[b.at[id]]; len(s.Needs) == 0 {
					s.After = slices.Clone(all[service])
				}
			}
		}
	}
}

// orderStops makes stops wait for the stops of those that need the service, and
// for what is made.
func (b *builder) orderStops(g graph) {
	reversed, required := g.reversed(), g.required()
	must := through(reversed, b.stops)
	all := maps.Clone(must)
	if len(b.creates) > 0 {
		stops := through(reversed, owners(b.stops))
		hard := reach{b, through(required, owners(b.starts)), stops}
		soft := reach{b, through(g, owners(b.starts)), stops}
		earlier := through(required.reversed(), b.stops)
		for service := range b.stops {
			if len(earlier[service]) > 0 {
				continue // others stop first, and have waited for all this, and more
			}
			made := hard.creates(service)
			must[service] = merged(made, must[service])
			if len(g.optional) > 0 {
				made = soft.creates(service)
			}
			all[service] = merged(made, all[service])
		}
	}
	b.wait(b.stops, must, all)
}

// before maps each service to what its own beginning waits for: of each service
// that it needs the waits for its containers, or else their starts. Where a
// needed service has nothing to start, what that one would wait for stands in,
// so that order survives services with nothing to do. The lists are sorted.
func (b *builder) before(g graph, waits map[edge][]StepID) map[string][]StepID {
	out := make(map[string][]StepID, len(g.order))
	for _, name := range g.order {
		var list []StepID
		for _, n := range g.needs[name] {
			awaited := waits[edge{name, n}]
			list = append(list, awaited...)
			switch starts := b.starts[n]; {
			case len(starts) == 0:
				list = append(list, out[n]...)
			case len(awaited) == 0:
				list = append(list, starts...)
			}
		}
		slices.Sort(list)
		out[name] = slices.Compact(list)
	}
	return out
}

// wait makes the steps of each service need those of must, and come after all.
// The lists are sorted, and all holds what must holds.
func (b *builder) wait(steps, must, all map[string][]StepID) {
	for service, ids := range steps {
		soft := all[service]
		if len(soft) == len(must[service]) {
			soft = nil
		}
		for _, id := range ids {
			s := &b.steps[b.at[id]]
			s.Needs = merged(must[service], s.Needs)
			s.After = append(s.After, soft...)
		}
	}
}

// without returns the sorted list without those that are in another one.
func without(list, others []StepID) []StepID {
	return slices.DeleteFunc(list, func(id StepID) bool {
		_, found := slices.BinarySearch(others, id)
		return found
	})
}

// merged returns the sorted list with a few more in their places.
func merged(list, more []StepID) []StepID {
	out := make([]StepID, len(list), len(list)+len(more))
	copy(out, list)
	for _, id := range more {
		if i, found := slices.BinarySearch(out, id); !found {
			out = slices.Insert(out, i, id)
		}
	}
	return out
}

// reach is what the start of a service depends on, by service.
type reach struct {
	*builder
	starts map[string][]string // those that start before
	stops  map[string][]string // those that stop before it stops
}

// creates returns the steps that create containers, of the service and of all
// whose start or stop its own start waits for, directly or not; sorted.
func (r reach) creates(service string) []StepID {
	var list []StepID
	seen := map[string]bool{}
	var add func(string)
	add = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		list = append(list, r.builder.creates[name]...)
		for _, others := range [][]string{r.starts[name], r.stops[name], r.frees[name]} {
			for _, n := range others {
				add(n)
			}
		}
	}
	add(service)
	slices.Sort(list)
	return slices.Compact(list)
}
