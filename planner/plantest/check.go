package plantest

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// order maps each step to all steps that come before it, whether it needs them,
// directly or not.
type order map[planner.StepID]map[planner.StepID]bool

// CheckPlan returns what is wrong with a plan as such: a step without a reason,
// before what it waits for, or planned twice; and starts, stops and waits out of
// the order that depends_on asks for.
func CheckPlan(p *planner.Plan, obs planner.Observed) error {
	needed, err := ordered(p, func(s planner.Step) []planner.StepID { return s.Needs })
	if err != nil {
		return err
	}
	before, err := ordered(p, func(s planner.Step) []planner.StepID { return slices.Concat(s.Needs, s.After) })
	if err != nil {
		return err
	}
	for _, s := range p.Steps {
		if n := slices.IndexFunc(s.After, func(n planner.StepID) bool { return slices.Contains(s.Needs, n) }); n >= 0 {
			return fmt.Errorf("%s needs %s, and comes after it", s.ID(), s.After[n])
		}
	}
	if err := checkReplacements(p, needed); err != nil {
		return err
	}
	if err := checkReplacements(p, before); err != nil {
		return err
	}
	return checkOrder(p, obs, needed, before)
}

// ordered returns the order that the edges of one kind give.
func ordered(p *planner.Plan, edges func(planner.Step) []planner.StepID) (order, error) {
	before := order{}
	for _, s := range p.Steps {
		id := s.ID()
		if _, twice := before[id]; twice {
			return nil, fmt.Errorf("%s: planned twice", id)
		}
		if len(s.Why) == 0 {
			return nil, fmt.Errorf("%s: no reason", id)
		}
		all := map[planner.StepID]bool{}
		for _, n := range edges(s) {
			earlier, there := before[n]
			if !there {
				return nil, fmt.Errorf("%s stands before %s, which it waits for", id, n)
			}
			all[n] = true
			for e := range earlier {
				all[e] = true
			}
		}
		before[id] = all
	}
	return before, nil
}

// checkReplacements holds that nothing that runs is stopped for a successor
// before all is made that the successor needs to start.
func checkReplacements(p *planner.Plan, before order) error {
	start := map[project.ID]planner.StepID{}
	anew := map[planner.StepID]bool{} // of networks that are replaced: what is on them stops first
	for _, s := range p.Steps {
		switch op := s.Op.(type) {
		case planner.StartContainer:
			start[op.Target()] = s.ID()
		case planner.RemoveNetwork:
			anew[planner.Step{Op: planner.CreateNetwork(op)}.ID()] = true
		}
	}
	for _, s := range p.Steps {
		next, replaced := start[s.Op.Target()]
		if s.Op.Verb() != planner.VerbStop || !replaced {
			continue
		}
		for n := range before[next] {
			made := strings.HasPrefix(string(n), "create ") || strings.HasPrefix(string(n), "pull ")
			if made && !anew[n] && !afterVolumes(before[n]) && !before[s.ID()][n] {
				return fmt.Errorf("%s does not wait for %s, which %s needs", s.ID(), n, next)
			}
		}
	}
	return nil
}

// afterVolumes tells whether a volume is replaced before: then all that has it is
// stopped first.
func afterVolumes(before map[planner.StepID]bool) bool {
	for n := range before {
		if strings.HasPrefix(string(n), "remove volume/") {
			return true
		}
	}
	return false
}

// checkOrder holds the steps of a plan against the needs of services.
func checkOrder(p *planner.Plan, obs planner.Observed, needed, before order) error {
	specs := map[string]project.Container{} // by identifier
	for _, c := range obs.Containers {
		specs[c.ID] = c.Spec
	}
	created := map[string]bool{} // services that the plan makes containers for
	for _, s := range p.Steps {
		if c, ok := s.Op.(planner.CreateContainer); ok {
			specs[c.ID] = c.Spec
			created[c.Spec.Service] = true
		}
	}
	for _, s := range p.Steps {
		start, ok := s.Op.(planner.StartContainer)
		if !ok || !created[specs[start.Container.ID].Service] {
			continue // what containers remember of their needs may be stale
		}
		spec := specs[start.Container.ID]
		for _, o := range p.Steps {
			other, ok := o.Op.(planner.StartContainer)
			i := slices.IndexFunc(spec.Needs, func(n project.Need) bool {
				return ok && n.Service == specs[other.Container.ID].Service
			})
			if i < 0 || !isNew(p, start.Container.ID) {
				continue
			}
			if err := checkNeed(s.ID(), o, spec.Needs[i], needed, before); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkNeed holds that a start comes after that of what is needed, and after
// the wait for the condition; if the need is no option, that it needs them.
func checkNeed(start planner.StepID, of planner.Step, n project.Need, needed, before order) error {
	wait := []planner.StepID{of.ID()}
	if n.Condition == project.Healthy || n.Condition == project.Completed {
		await := planner.Step{Op: planner.AwaitContainer{Container: of.Op.(planner.StartContainer).Container, Until: n.Condition}}
		wait = append(wait, await.ID())
	}
	for _, id := range wait {
		if !before[start][id] {
			return fmt.Errorf("%s does not wait for %s", start, id)
		}
		if !n.Optional && !needed[start][id] {
			return fmt.Errorf("%s does not need %s", start, id)
		}
	}
	return nil
}

func isNew(p *planner.Plan, id string) bool {
	return slices.ContainsFunc(p.Steps, func(s planner.Step) bool {
		c, ok := s.Op.(planner.CreateContainer)
		return ok && c.ID == id
	})
}

// inherited checks that no replica lost its anonymous volumes: one that had
// some at a target and has one there now has one of them.
func (l *life) inherited(before planner.Observed) error {
	type place struct {
		id     project.ID
		target string
	}
	had := map[place][]string{}
	for _, c := range before.Containers {
		for target, v := range c.Anonymous {
			at := place{c.Spec.ID(), target}
			had[at] = append(had[at], v)
		}
	}
	has := map[place][]string{}
	for _, c := range l.world.Observe(ProjectName).Containers {
		for target, v := range c.Anonymous {
			at := place{c.Spec.ID(), target}
			has[at] = append(has[at], v)
		}
	}
	for at, now := range has {
		old := had[at]
		if len(old) > 0 && !slices.ContainsFunc(now, func(v string) bool { return slices.Contains(old, v) }) {
			return fmt.Errorf("%s had %v at %s and has %v", at.id, old, at.target, now)
		}
	}
	return nil
}

// asWanted checks that exactly the containers of p are there, and run, or are
// what their fate makes of them.
func (l *life) asWanted(p *project.Project) error {
	obs := l.world.Observe(ProjectName)
	if err := resourcesAsWanted(p, obs); err != nil {
		return err
	}
	running := map[project.ID]int{}
	obs.Containers = slices.DeleteFunc(obs.Containers, func(c planner.Container) bool {
		wanted := slices.ContainsFunc(p.Services, func(s project.Service) bool { return s.Name == c.Spec.Service })
		return !wanted && slices.Contains(p.Known, c.Spec.Service) // not enabled: left alone
	})
	for _, c := range obs.Containers {
		if c.CutOff {
			return fmt.Errorf("%s is cut off from its network", c.ID)
		}
		bound := container{Container: c}
		bound.State = planner.StateRunning
		if bound.pass(); c.State != bound.State {
			return fmt.Errorf("%s is %s, and should be %s", c.ID, c.State, bound.State)
		}
		if c.HooksDue {
			return fmt.Errorf("the post_start of %s has not been run", c.ID)
		}
		if c.ImageDigest != obs.Images[c.Spec.Image] {
			return fmt.Errorf("%s is of an old image", c.ID)
		}
		for _, m := range c.Spec.Mounts {
			if m.Type == project.MountImage && c.MountedImages[m.Target] != obs.Images[m.Source] {
				return fmt.Errorf("%s has an old image at %s", c.ID, m.Target)
			}
		}
		if err := l.takes(c, obs); err != nil {
			return err
		}
		running[c.Spec.ID()]++
	}
	total := 0
	for _, s := range p.Services {
		for _, c := range s.Containers() {
			total++
			if n := running[c.ID()]; n != 1 {
				return fmt.Errorf("%d containers are %s", n, c.ID())
			}
		}
	}
	for _, c := range slices.Concat(obs.OneOffs, obs.Leftovers) {
		return fmt.Errorf("container %s of pre_start or run is left", c.ID)
	}
	if len(obs.Containers) != total {
		return fmt.Errorf("%d containers where %d are wanted", len(obs.Containers), total)
	}
	return nil
}

// resourcesAsWanted checks that the networks and volumes of p are there.
func resourcesAsWanted(p *project.Project, obs planner.Observed) error {
	for _, n := range p.Networks {
		if n.External || slices.ContainsFunc(obs.Networks, func(o project.Network) bool { return o.Name == n.Name && o.Project != n.Project }) {
			continue // somebody else's
		}
		n.Driver = cmp.Or(n.Driver, project.DriverBridge)
		if !slices.ContainsFunc(obs.Networks, func(o project.Network) bool {
			o.Driver = cmp.Or(o.Driver, project.DriverBridge)
			return reflect.DeepEqual(o, n)
		}) {
			return fmt.Errorf("%s is not as wanted: %+v", n.ID(), n)
		}
	}
	for _, v := range p.Volumes {
		have := obs.Volumes[slices.IndexFunc(obs.Volumes, func(o project.Volume) bool { return o.Name == v.Name })]
		v.Labels = have.Labels // it has those that it was made with
		if !v.External && !reflect.DeepEqual(have, v) {
			return fmt.Errorf("%s is not as wanted: %+v", v.ID(), have)
		}
	}
	return nil
}

// nothingLeft checks that p is gone: all but volumes that no file names.
func (l *life) nothingLeft(p *project.Project) error {
	obs := l.world.Observe(ProjectName)
	for _, c := range obs.Containers {
		return fmt.Errorf("container %s is left", c.ID)
	}
	for _, c := range slices.Concat(obs.OneOffs, obs.Leftovers) {
		return fmt.Errorf("container %s of pre_start or run is left", c.ID)
	}
	for _, n := range obs.Networks {
		wanted := slices.ContainsFunc(p.Networks, func(w project.Network) bool { return w.Name == n.Name && !w.External && w.Project == n.Project })
		if n.Project == ProjectName || wanted {
			return fmt.Errorf("%s is left", n.ID())
		}
	}
	for _, v := range obs.Volumes {
		named := slices.ContainsFunc(p.Volumes, func(w project.Volume) bool { return w.Name == v.Name })
		if v.Project == ProjectName && (named || v.Anonymous) {
			return fmt.Errorf("%s is left", v.ID())
		}
	}
	if !slices.ContainsFunc(obs.Volumes, func(v project.Volume) bool { return v.Name == "outside" }) {
		return fmt.Errorf("the external volume is gone")
	}
	return nil
}
