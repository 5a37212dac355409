package plantest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// watched is a world where a plan is carried out. Nothing may be started before
// the conditions hold that its service has in a project, nil: whatever the
// conditions; and nothing be stopped before its replacement is there, but for what waits for a
// volume that is replaced.
type watched struct {
	*World
	plan    *planner.Plan
	project *project.Project
	kills   bool // it is a kill, which runs no hooks

	mu    sync.Mutex
	early []error
	ran   map[string]bool // the containers of pre_start that came to their end, by name; and the pre_stop, by ID
}

// StartContainer implements executor.Containers.
func (w *watched) StartContainer(ctx context.Context, id string) error {
	w.note(w.mayStart(id))
	return w.World.StartContainer(ctx, id)
}

// StopContainer implements executor.Containers.
func (w *watched) StopContainer(ctx context.Context, id string, grace time.Duration) error {
	w.note(w.mayStop(id))
	return w.World.StopContainer(ctx, id, grace)
}

// RemoveContainer implements executor.Containers.
func (w *watched) RemoveContainer(ctx context.Context, id string) error {
	for _, c := range w.Observe(ProjectName).Leftovers {
		if c.ID == id && c.State == planner.StateExited && !c.Stopped {
			w.did(c.Spec.Name)
		}
	}
	return w.World.RemoveContainer(ctx, id)
}

// RunHooks implements executor.Containers.
func (w *watched) RunHooks(ctx context.Context, id string, at project.Moment, print func(string)) error {
	err := w.World.RunHooks(ctx, id, at, print)
	if err == nil && at == project.BeforeStop {
		w.did(id)
	}
	return err
}

func (w *watched) did(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ran == nil {
		w.ran = map[string]bool{}
	}
	w.ran[what] = true
}

func (w *watched) hasDone(what string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ran[what]
}

func (w *watched) note(err error) {
	if err != nil {
		w.mu.Lock()
		w.early = append(w.early, err)
		w.mu.Unlock()
	}
}

func (w *watched) mayStop(id string) error {
	obs := w.Observe(ProjectName)
	at := func(id string) int {
		return slices.IndexFunc(obs.Containers, func(c planner.Container) bool { return c.ID == id })
	}
	if i := at(id); i >= 0 && !w.kills {
		c := obs.Containers[i]
		runs := c.State == planner.StateRunning || c.State == planner.StatePaused
		if runs && len(c.Spec.Hooks.BeforeStop) > 0 && !w.hasDone(id) {
			return fmt.Errorf("%s is stopped without its pre_stop", id)
		}
	}
	for _, s := range w.plan.Steps {
		next, creates := s.Op.(planner.CreateContainer)
		if i := at(id); creates && i >= 0 && obs.Containers[i].Spec.ID() == next.Spec.ID() && at(next.ID) < 0 {
			before, err := ordered(w.plan, func(s planner.Step) []planner.StepID { return s.Needs })
			if err != nil || afterVolumes(before[s.ID()]) { // what is wrong with the plan is found elsewhere
				continue
			}
			return fmt.Errorf("%s is stopped before %s is there", id, next.ID)
		}
	}
	return nil
}

// broken returns the starts and stops that came too early.
func (w *watched) broken() error { return errors.Join(w.early...) }

func (w *watched) mayStart(id string) error {
	obs := w.Observe(ProjectName)
	all := slices.Concat(obs.Containers, obs.OneOffs, obs.Leftovers)
	i := slices.IndexFunc(all, func(c planner.Container) bool { return c.ID == id && (c.Spec.Role == "" || c.Spec.OneOff()) })
	if i < 0 {
		return nil
	}
	c := all[i].Spec
	inits := c.InitContainers(c.Replica)
	if ofOneMake(w.plan, all, c.Service) {
		inits = append(inits, c.InitContainers(0)...)
	}
	for _, init := range inits {
		if !w.hasDone(init.Name) {
			return fmt.Errorf("%s is started without its pre_start %s", id, init.Name)
		}
	}
	if w.project == nil {
		return nil
	}
	for _, s := range w.project.Services {
		if s.Name != c.Service {
			continue
		}
		for _, n := range s.Template.Needs {
			if !n.Optional && !w.all(obs, n) {
				return fmt.Errorf("%s is started before %s is %s", id, n.Service, n.Condition)
			}
		}
	}
	return nil
}

// all tells whether every replica that is there of the needed service is as it
// is needed.
func (w *watched) all(obs planner.Observed, n project.Need) bool {
	good := map[project.ID]bool{}
	for _, s := range w.project.Services {
		for _, c := range s.Containers() {
			if s.Name == n.Service {
				good[c.ID()] = slices.ContainsFunc(obs.Containers, func(o planner.Container) bool {
					return o.Spec.ID() == c.ID() && w.Holds(o.ID, n.Condition) && !o.HooksDue
				})
			}
		}
	}
	for id, ok := range good {
		there := slices.ContainsFunc(obs.Containers, func(o planner.Container) bool { return o.Spec.ID() == id })
		if there && !ok {
			return false
		}
	}
	return true
}

// outlook is what can become of the services of a project by a plan.
type outlook struct {
	*project.Project
	begun  map[string]bool // the plan starts some of its containers
	starts map[string]bool // and all that they need can be as they need it
}

func prospects(p *project.Project, plan *planner.Plan) outlook {
	o := outlook{p, map[string]bool{}, map[string]bool{}}
	for _, s := range p.Services { // each after those it needs
		for _, c := range s.Containers() {
			o.begun[s.Name] = o.begun[s.Name] || slices.ContainsFunc(plan.Steps, func(st planner.Step) bool {
				_, starts := st.Op.(planner.StartContainer)
				return starts && st.Op.Target() == c.ID()
			})
		}
		vain := slices.ContainsFunc(s.Template.Needs, func(n project.Need) bool {
			return !n.Optional && !o.can(n.Service, n.Condition)
		})
		o.starts[s.Name] = !o.begun[s.Name] || !vain
	}
	return o
}

// can tells whether the service can be what until says.
func (o outlook) can(service string, until project.Condition) bool {
	i := slices.IndexFunc(o.Services, func(s project.Service) bool { return s.Name == service })
	if i < 0 || o.Services[i].Replicas == 0 {
		return true // it is not waited for
	}
	if until == project.Started {
		return o.starts[service]
	}
	c := container{Container: planner.Container{Spec: o.Services[i].Template, State: planner.StateRunning}}
	c.pass()
	return o.starts[service] && c.is(until) == nil
}

// hopeless returns a service that must fail when the plan is carried out; empty
// when none must.
func (o outlook) hopeless(wait bool) string {
	completes := map[string]bool{}
	for _, s := range o.Services {
		for _, n := range s.Template.Needs {
			completes[n.Service] = completes[n.Service] || n.Condition == project.Completed
		}
	}
	for _, s := range o.Services {
		until := project.Ready
		if completes[s.Name] || s.Job {
			until = project.Completed
		}
		if !o.starts[s.Name] || wait && !o.can(s.Name, until) {
			return s.Name
		}
	}
	return ""
}

// revived checks that restart policies were kept after a reboot: of each replica
// that was there one container was started, if its policy says so, and none
// otherwise.
func revived(before planner.Observed, calls []string) error {
	back, there, started := map[project.ID]int{}, map[project.ID]int{}, map[project.ID]int{}
	for _, c := range before.Containers {
		id := c.Spec.ID()
		there[id]++
		policy := c.Spec.Restart.Condition
		if c.State == planner.StateExited && (policy == project.RestartAlways || policy == project.RestartUnlessStopped && !c.Stopped) {
			back[id]++
		}
		if slices.Contains(calls, "start "+c.ID) {
			started[id]++
			if c.State == planner.StateCreated {
				return fmt.Errorf("%s was never started, and now was", c.ID)
			}
		}
	}
	for id, n := range there {
		most, least := min(back[id], 1), 0
		if back[id] == n {
			least = 1
		}
		if started[id] > most || started[id] < least {
			return fmt.Errorf("of %s %d containers come back, and %d were started", id, back[id], started[id])
		}
	}
	return nil
}
