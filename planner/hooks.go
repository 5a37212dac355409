package planner

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gocompose/gocompose/project"
)

// hooks puts the hooks around what is planned, when all of it is in order: what
// a stop waits for, its pre_stop waits for; who waits for a start waits for its
// post_start; and what the starts of a service wait for, its pre_start does.
func (b *builder) hooks() {
	if b.opt.NoHooks {
		return
	}
	have := map[string]Container{}
	for _, c := range b.obs.Containers {
		have[c.ID] = c
	}
	for _, s := range b.steps {
		if op, ok := s.Op.(CreateContainer); ok {
			have[op.ID] = Container{ID: op.ID, Spec: op.Spec}
		}
	}
	b.preStarts(have)
	b.preStops(have)
	b.postStarts(have)
}

// preStops plans the pre_stop of what is stopped. What is about to be started
// again has no process that it could run in.
func (b *builder) preStops(have map[string]Container) {
	for _, s := range slices.Clone(b.steps) {
		op, stops := s.Op.(StopContainer)
		c := have[op.Container.ID]
		if !stops || len(c.Spec.Hooks.BeforeStop) == 0 || c.State != StateRunning && c.State != StatePaused {
			continue
		}
		hook := b.add(RunHooks{op.Container, project.BeforeStop}, s.Needs, s.Why)
		b.steps[b.at[hook]].After = s.After
		stop := &b.steps[b.at[s.ID()]]
		stop.Needs, stop.After = []StepID{hook}, nil
	}
}

// postStarts plans the post_start of what is started.
func (b *builder) postStarts(have map[string]Container) {
	last := map[StepID]StepID{}
	for _, s := range slices.Clone(b.steps) {
		op, starts := s.Op.(StartContainer)
		if !starts || len(have[op.Container.ID].Spec.Hooks.AfterStart) == 0 {
			continue
		}
		last[s.ID()] = b.add(RunHooks{op.Container, project.AfterStart}, nil, s.Why)
	}
	if len(last) == 0 {
		return
	}
	for i := range b.steps {
		for _, list := range [][]StepID{b.steps[i].Needs, b.steps[i].After} {
			for j, n := range list {
				if hook, ok := last[n]; ok {
					list[j] = hook
				}
			}
		}
	}
	for start, hook := range last {
		b.steps[b.at[hook]].Needs = []StepID{start}
	}
}

// due plans the post_start of a container that runs, and of which a command that
// was cut short has not run it.
func (b *builder) due(c instance, needs []StepID) {
	if !b.isDue(c) {
		return
	}
	id := b.add(RunHooks{c.ref(), project.AfterStart}, needs, because(HooksDue))
	b.starts[c.Spec.Service] = append(b.starts[c.Spec.Service], id)
}

func (b *builder) isDue(c instance) bool {
	runs := c.State == StateRunning || c.State == StatePaused
	return c.HooksDue && runs && len(c.Spec.Hooks.AfterStart) > 0 && !b.opt.NoStart
}

// preStarts plans the pre_start of services of which something is started: once
// before the first start, and what is for one replica before its own.
func (b *builder) preStarts(have map[string]Container) {
	starts := map[string][]StartContainer{}
	for _, s := range b.steps {
		op, ok := s.Op.(StartContainer)
		if c := have[op.Container.ID].Spec; ok && len(c.Hooks.BeforeStart) > 0 {
			starts[c.Service] = append(starts[c.Service], op)
		}
	}
	for _, service := range slices.Sorted(maps.Keys(starts)) {
		ops := starts[service]
		of := Ref{Name: service, Target: project.ID{Kind: project.KindService, Name: service}}
		latest := ops[0]
		for _, op := range ops {
			if len(b.planned(VerbCreate, op.Target())) > 0 { // it is as the files want it now
				latest = op
			}
		}
		b.preStart(of, have[latest.Container.ID].Spec.InitContainers(0), ops)
		for _, op := range ops {
			c := have[op.Container.ID].Spec
			b.preStart(op.Container, c.InitContainers(c.Replica), []StartContainer{op})
		}
	}
}

// preStart plans to run containers to their end before ops, after all that these
// wait for, but for what itself waits for one of them: of replicas that are
// replaced one after the other, the old ones of the later turns run meanwhile.
func (b *builder) preStart(of Ref, specs []project.Container, ops []StartContainer) {
	if len(specs) == 0 {
		return
	}
	own := make([]StepID, len(ops))
	for i, op := range ops {
		own[i] = stepID(op.Verb(), op.Target())
	}
	behind := func(id StepID) bool {
		return slices.ContainsFunc(own, func(start StepID) bool { return id == start || b.waits(id, start) })
	}
	op := RunInits{Of: of.Target, Name: of.Name}
	needs := b.ingredients(specs)
	for i, c := range specs {
		id := ContainerID(b.project.Name, c.Service, 0, fmt.Sprintf("%sp%dr%d", b.opt.Nonce, i+1, c.Replica))
		op.Inits = append(op.Inits, Init{id, c})
	}
	var after []StepID
	var why []Reason
	for _, start := range own {
		s := &b.steps[b.at[start]]
		hold := func(list []StepID) (before, rest []StepID) {
			for _, n := range list {
				if behind(n) {
					rest = append(rest, n)
				} else {
					before = append(before, n)
				}
			}
			return before, rest
		}
		var first, soft []StepID
		first, s.Needs = hold(s.Needs)
		soft, s.After = hold(s.After)
		needs, after = append(needs, first...), append(after, soft...)
		for _, r := range s.Why {
			if !slices.Contains(why, r) {
				why = append(why, r)
			}
		}
	}
	id := b.add(op, needs, why)
	b.steps[b.at[id]].After = after
	for _, start := range own {
		s := &b.steps[b.at[start]]
		s.Needs = append(s.Needs, id)
	}
}

// ingredients returns the steps that make what containers are made with, and the
// removals of those that a killed command has left.
func (b *builder) ingredients(specs []project.Container) []StepID {
	needs := slices.Clone(b.cleared)
	for _, c := range specs {
		needs = append(needs, b.lacking(c)...)
		for _, image := range c.Images() {
			needs = append(needs, b.obtained(image)...)
		}
		for id := range specUses(c) {
			needs = append(needs, b.planned(VerbCreate, id)...)
		}
	}
	return needs
}

// clear plans to take away the containers that killed commands have left. What they
// use goes after them.
func (b *builder) clear() {
	for _, c := range b.obs.Leftovers {
		i := instance{c, c.Spec.ID()}
		i.target.Name += "~" + c.ID // several can be of one
		why := because(CutShort)
		if c.Spec.Temporary || c.Spec.OneOff() {
			why = because(Over)
		}
		var needs []StepID
		if c.Running() {
			needs = []StepID{b.add(StopContainer{i.ref(), 0}, nil, why)}
		}
		b.cleared = append(b.cleared, b.add(RemoveContainer{i.ref()}, needs, why))
	}
}

// afterClearing makes the removal of networks and volumes wait for that.
func (b *builder) afterClearing() {
	for i := range b.steps {
		switch b.steps[i].Op.(type) {
		case RemoveNetwork, RemoveVolume:
			b.steps[i].Needs = append(b.steps[i].Needs, b.cleared...)
		}
	}
}

// initImages plans to fetch the images of the pre_start of what is started, and
// notes all that it takes: nothing is stopped before that is there.
func (u *up) initImages() {
	for _, r := range u.wanted {
		if !u.begins(r) {
			continue
		}
		service := r.want.Service
		for _, p := range r.want.Hooks.BeforeStart {
			for _, image := range p.Container.Images() {
				if !u.here(image) {
					u.creates[service] = append(u.creates[service], u.obtain(image))
				}
			}
			for id := range specUses(p.Container) {
				if u.changed[id.Name] == nil || id.Kind != project.KindNetwork {
					u.creates[service] = append(u.creates[service], u.besidesRedefined(u.planned(VerbCreate, id))...)
				}
			}
		}
	}
}
