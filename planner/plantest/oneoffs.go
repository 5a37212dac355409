package plantest

import (
	"fmt"
	"slices"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// EndOneOffs ends the processes of `run`.
func (w *World) EndOneOffs() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.containers {
		if c.Spec.OneOff() && c.Running() {
			c.State, c.code = planner.StateExited, 0
			w.put(c)
		}
	}
}

// oneOff runs a one-off of one of the move's services. It takes of the others no more
// than it needs, and of its service no container.
func (l *life) oneOff(m Move, opt planner.Options) error {
	if len(m.Project.Services) == 0 {
		return nil
	}
	service := m.Project.Services[m.Pick%len(m.Project.Services)].Name
	p := needed(m.Project, service)
	for i, s := range p.Services {
		if s.Name == service {
			p.Services[i] = s.AsOneOff(fmt.Sprintf("%012x", l.runs))
			p.Services[i].Template.Temporary = m.Pick%2 == 0
		}
	}
	plan, err := planner.OneOff(p, l.world.Observe(ProjectName), opt)
	if refused(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := alone(plan, l.world.Observe(ProjectName), service); err != nil {
		return fmt.Errorf("%w:\n%s", err, plan)
	}
	return l.interrupted(m, plan, p)
}

// alone tells whether the plan leaves the service's containers where they are, and
// starts the one-off last.
func alone(plan *planner.Plan, obs planner.Observed, service string) error {
	before, err := ordered(plan, func(s planner.Step) []planner.StepID { return slices.Concat(s.Needs, s.After) })
	if err != nil {
		return err
	}
	for _, s := range plan.Steps {
		switch op := s.Op.(type) {
		case planner.CreateContainer:
			if op.Spec.Service == service && !op.Spec.OneOff() {
				return fmt.Errorf("%s is for another container", s.ID())
			}
		case planner.RemoveContainer:
			if slices.ContainsFunc(obs.Containers, func(c planner.Container) bool { return c.ID == op.Container.ID && c.Spec.Service == service }) {
				return fmt.Errorf("%s is for another container", s.ID())
			}
		case planner.StartContainer:
			made := func(o planner.Step) bool {
				c, creates := o.Op.(planner.CreateContainer)
				return creates && c.ID == op.Container.ID && c.Spec.OneOff()
			}
			if !slices.ContainsFunc(plan.Steps, made) {
				continue
			}
			for _, o := range plan.Steps {
				if o.Op.Target() != s.Op.Target() && !before[s.ID()][o.ID()] {
					return fmt.Errorf("%s does not come before %s", o.ID(), s.ID())
				}
			}
		}
	}
	return nil
}

// needed returns the project with a service and all that it needs.
func needed(p *project.Project, name string) *project.Project {
	q := *p
	in := map[string]bool{}
	var add func(string)
	add = func(name string) {
		i := slices.IndexFunc(p.Services, func(s project.Service) bool { return s.Name == name })
		if in[name] || i < 0 {
			return
		}
		in[name] = true
		t := p.Services[i].Template
		for _, n := range t.Needs {
			add(n.Service)
		}
		for _, share := range t.Shares() {
			add(share.Service)
		}
		for _, f := range t.VolumesFrom {
			add(f.Service)
		}
	}
	add(name)
	q.Services = slices.DeleteFunc(slices.Clone(p.Services), func(s project.Service) bool { return !in[s.Name] })
	return &q
}

// undisturbed tells whether a plan leaves one-offs that run alone, as all must that
// are not there to end them.
func undisturbed(m Move, plan *planner.Plan, before planner.Observed) error {
	if m.Kind == MoveKill || m.Kind == MoveDown && m.Options.RemoveOrphans {
		return nil
	}
	for _, c := range before.OneOffs {
		for _, s := range plan.Steps {
			if c.Running() && s.Op.Target() == c.Spec.ID() {
				return fmt.Errorf("%s, and %s is a one-off that runs", s.ID(), c.ID)
			}
		}
	}
	return nil
}
