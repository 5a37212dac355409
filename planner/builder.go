package planner

import (
	"cmp"
	"slices"
	"time"

	"github.com/gocompose/gocompose/project"
)

// builder collects the steps of one plan.
type builder struct {
	project *project.Project
	obs     Observed
	opt     Options

	steps     []Step
	at        map[StepID]int
	notices   []Notice
	unchanged []Ref
	// The steps that create, stop and start containers, by service: finish puts
	// them in the order of dependencies.
	creates, stops, starts map[string][]StepID
	// frees maps services to those that hold a port or a name which a start of
	// the service waits for.
	frees map[string][]string
}

func newBuilder(p *project.Project, obs Observed, opt Options) *builder {
	return &builder{
		project: p, obs: obs, opt: opt,
		at:      map[StepID]int{},
		creates: map[string][]StepID{}, stops: map[string][]StepID{}, starts: map[string][]StepID{},
		frees: map[string][]string{},
	}
}

// add plans op, once.
func (b *builder) add(op Op, needs []StepID, why []Reason) StepID {
	id := stepID(op.Verb(), op.Target())
	if _, planned := b.at[id]; planned {
		return id
	}
	b.at[id] = len(b.steps)
	b.steps = append(b.steps, Step{Op: op, Needs: slices.Clone(needs), Why: why})
	return id
}

// planned returns the step of that name, when there is one.
func (b *builder) planned(v Verb, target project.ID) []StepID {
	id := stepID(v, target)
	if _, ok := b.at[id]; !ok {
		return nil
	}
	return []StepID{id}
}

// instance is a container that is there, under the name it has in the plan.
type instance struct {
	Container
	target project.ID
}

func (i instance) ref() Ref { return Ref{i.ID, i.Spec.Name, i.target} }

// stop plans to stop c when it runs, and returns the step, if any.
func (b *builder) stop(c instance, needs []StepID, why []Reason) []StepID {
	if !c.Running() {
		return nil
	}
	id := b.add(StopContainer{c.ref(), b.grace(c.Spec)}, needs, why)
	b.stops[c.Spec.Service] = append(b.stops[c.Spec.Service], id)
	return []StepID{id}
}

// discard plans to stop c when it runs, not before needs are met, and to remove
// it; it returns the last step.
func (b *builder) discard(c instance, needs []StepID, why []Reason) StepID {
	if stop := b.stop(c, needs, why); len(stop) > 0 {
		needs = stop
	}
	return b.add(RemoveContainer{c.ref()}, needs, why)
}

func (b *builder) start(c Ref, service string, needs []StepID, why []Reason) {
	id := b.add(StartContainer{c}, needs, why)
	b.starts[service] = append(b.starts[service], id)
}

func (b *builder) grace(c project.Container) time.Duration {
	if b.opt.Timeout != nil {
		return *b.opt.Timeout
	}
	return c.StopGrace
}

func (b *builder) notice(text string, of ...project.ID) {
	b.notices = append(b.notices, Notice{text, of})
}

// finish orders what starts and stops by the dependencies of services and
// returns the plan: a container is started after those its service needs, and
// stopped after those that need its service, but not before all is made that
// its successor's start depends on.
func (b *builder) finish(g graph) (*Plan, error) {
	reversed := g.reversed()
	after := through(reversed, b.stops)
	if len(b.creates) > 0 {
		r := reach{b, through(g, owners(b.starts)), through(reversed, owners(b.stops))}
		for service := range b.stops {
			// Where others stop first, they have waited for all this, and more.
			if len(after[service]) == 0 {
				after[service] = r.creates(service)
			}
		}
	}
	b.wait(b.starts, through(g, b.starts))
	b.wait(b.stops, after)
	for i := range b.steps {
		s := &b.steps[i]
		slices.Sort(s.Needs)
		s.Needs = slices.Compact(s.Needs)
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

// wait makes the steps of each service wait for others.
func (b *builder) wait(steps, others map[string][]StepID) {
	for service, ids := range steps {
		for _, id := range ids {
			s := &b.steps[b.at[id]]
			s.Needs = merged(others[service], s.Needs)
		}
	}
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
	return list
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

// instances groups containers by replica. The first of each group is the one
// that counts and has the replica's name; what stands behind it was left by an
// interrupted replacement. better, when given, orders before anything else.
func instances(containers []Container, better func(Container) bool) map[project.ID][]instance {
	groups := make(map[project.ID][]instance, len(containers))
	for _, c := range containers {
		id := c.Spec.ID()
		groups[id] = append(groups[id], instance{c, id})
	}
	for id, group := range groups {
		if len(group) == 1 {
			continue
		}
		rank := func(c instance) int {
			r := slices.Index([]State{StateRunning, StatePaused, StateExited, StateCreated}, c.State)
			if r < 0 {
				r = 4
			}
			if better != nil && !better(c.Container) {
				r += 5
			}
			return r
		}
		slices.SortFunc(group, func(x, y instance) int {
			return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.ID, y.ID))
		})
		taken := map[project.ID]bool{id: true}
		for i := 1; i < len(group); i++ {
			target := duplicate(group[i].Container)
			if taken[target] {
				target.Name = id.Name + "~" + group[i].ID
			}
			taken[target] = true
			group[i].target = target
		}
	}
	return groups
}
