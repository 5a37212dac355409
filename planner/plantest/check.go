package plantest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// CheckPlan returns what is wrong with a plan as such: a step without a reason,
// before what it needs, or planned twice; and starts and stops out of the order
// that depends_on asks for.
func CheckPlan(p *planner.Plan, obs planner.Observed) error {
	before := map[planner.StepID]map[planner.StepID]bool{} // all that comes before
	for _, s := range p.Steps {
		id := s.ID()
		if _, twice := before[id]; twice {
			return fmt.Errorf("%s: planned twice", id)
		}
		if len(s.Why) == 0 {
			return fmt.Errorf("%s: no reason", id)
		}
		all := map[planner.StepID]bool{}
		for _, n := range s.Needs {
			earlier, there := before[n]
			if !there {
				return fmt.Errorf("%s stands before %s, which it needs", id, n)
			}
			all[n] = true
			for e := range earlier {
				all[e] = true
			}
		}
		before[id] = all
	}
	if err := checkReplacements(p, before); err != nil {
		return err
	}
	return checkOrder(p, obs, before)
}

// checkReplacements holds that nothing that runs is stopped for a successor
// before all is made that the successor needs to start.
func checkReplacements(p *planner.Plan, before map[planner.StepID]map[planner.StepID]bool) error {
	start := map[project.ID]planner.StepID{}
	for _, s := range p.Steps {
		if s.Op.Verb() == planner.VerbStart {
			start[s.Op.Target()] = s.ID()
		}
	}
	for _, s := range p.Steps {
		next, replaced := start[s.Op.Target()]
		if s.Op.Verb() != planner.VerbStop || !replaced {
			continue
		}
		for n := range before[next] {
			made := strings.HasPrefix(string(n), "create ") || strings.HasPrefix(string(n), "pull ")
			if made && !before[s.ID()][n] {
				return fmt.Errorf("%s does not wait for %s, which %s needs", s.ID(), n, next)
			}
		}
	}
	return nil
}

// checkOrder holds the steps of a plan against the needs of services.
func checkOrder(p *planner.Plan, obs planner.Observed, before map[planner.StepID]map[planner.StepID]bool) error {
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
			needed := ok && slices.ContainsFunc(spec.Needs, func(n project.Need) bool {
				return n.Service == specs[other.Container.ID].Service
			})
			if needed && isNew(p, start.Container.ID) && !before[s.ID()][o.ID()] {
				return fmt.Errorf("%s does not wait for %s", s.ID(), o.ID())
			}
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

// asWanted checks that exactly the containers of p are there, and run.
func (l *life) asWanted(p *project.Project) error {
	obs := l.world.Observe(ProjectName)
	running := map[project.ID]int{}
	for _, c := range obs.Containers {
		if !c.Running() {
			return fmt.Errorf("%s does not run", c.ID)
		}
		if c.ImageDigest != obs.Images[c.Spec.Image] {
			return fmt.Errorf("%s is of an old image", c.ID)
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
	if len(obs.Containers) != total {
		return fmt.Errorf("%d containers where %d are wanted", len(obs.Containers), total)
	}
	return nil
}

// nothingLeft checks that p is gone: all but volumes that no file names.
func (l *life) nothingLeft(p *project.Project) error {
	obs := l.world.Observe(ProjectName)
	for _, c := range obs.Containers {
		return fmt.Errorf("container %s is left", c.ID)
	}
	for _, n := range obs.Networks {
		if n.Project == ProjectName {
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
