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
	// firsts are the first steps of what is done to the containers that start:
	// these wait for what the service needs. They are the starts themselves,
	// but where running containers are started anew.
	firsts map[string][]StepID
	// needy are the services whose containers are started, and not only let go
	// on: what they need must be as they need it.
	needy map[string]bool
	// runs are the containers that run in the end, by service.
	runs map[string][]Ref
	// frees maps services to those that hold a port, a name or a network which a
	// start of the service waits for.
	frees map[string][]string
	// rolling are the replicas of the services that are replaced one at a time.
	rolling map[string][]project.ID
	// whole: what is built is built for all its platforms, and whatever is meant anew.
	whole bool
	// unbuildable are the builds that cannot be.
	unbuildable problems
	// cleared are the removals of the containers that a killed command has left.
	cleared []StepID
}

func newBuilder(p *project.Project, obs Observed, opt Options) *builder {
	return &builder{
		project: supplied(tied(p)), obs: obs, opt: opt,
		at:      map[StepID]int{},
		creates: map[string][]StepID{}, stops: map[string][]StepID{}, starts: map[string][]StepID{},
		firsts: map[string][]StepID{}, needy: map[string]bool{}, runs: map[string][]Ref{},
		frees: map[string][]string{}, rolling: map[string][]project.ID{},
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
	b.starts[service] = append(b.starts[service], b.startAlone(c, service, needs, why))
}

// startAlone plans a start that waits for what the service needs, and that what
// needs the service does not wait for.
func (b *builder) startAlone(c Ref, service string, needs []StepID, why []Reason) StepID {
	id := b.add(StartContainer{c}, needs, why)
	b.firsts[service] = append(b.firsts[service], id)
	b.needy[service] = true
	b.runs[service] = append(b.runs[service], c)
	return id
}

// keep notes that c runs and goes on running; one that is paused is let go on.
func (b *builder) keep(c instance) {
	service := c.Spec.Service
	b.runs[service] = append(b.runs[service], c.ref())
	var needs []StepID
	if c.State == StatePaused {
		id := b.add(UnpauseContainer{c.ref()}, nil, because(Paused))
		b.starts[service] = append(b.starts[service], id)
		b.firsts[service] = append(b.firsts[service], id)
		needs = append(needs, id)
	}
	b.due(c, needs)
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

// instances groups containers by replica. The first of each group is the one
// that counts and has the replica's name; what stands behind it was left by an
// interrupted replacement. better, when given, orders before anything else.
func instances(containers []Container, better func(Container) bool) map[project.ID][]instance {
	states := []State{StateRunning, StatePaused, StateRestarting, StateExited, StateCreated}
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
			r := slices.Index(states, c.State)
			if r < 0 {
				r = len(states)
			}
			if better != nil && !better(c.Container) {
				r += len(states) + 1
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
