package plantest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// Tamper plants a fault, to see whether it is noticed. The zero value plants
// none.
type Tamper struct {
	// Plan, when set, changes each plan before it is checked and carried out.
	Plan func(*planner.Plan) *planner.Plan
	// Lose, when set, picks calls that do nothing and say they did.
	Lose func(call string) bool
}

// Parallel says how many steps of a plan are carried out at once.
type Parallel int

// Run lives through the history and returns the first broken promise: every
// plan must be one, whatever the past; the last `up` must bring about what it
// promises, after which there is nothing to do; the last `down` must leave
// nothing. A history that runs with one step at a time always goes the same way.
func (h History) Run(n Parallel, tamper Tamper) error {
	l := &life{world: newStockedWorld(), tamper: tamper, parallel: int(n)}
	for i, m := range h.Moves {
		if err := l.move(m); err != nil {
			return fmt.Errorf("move %d, %s: %w", i, m.Kind, err)
		}
	}
	return l.last(h)
}

func newStockedWorld() *World {
	w := NewWorld()
	w.Impatient = true
	w.Publish("img:0", "sha256:00")
	w.Publish("img:1", "sha256:10", "/var/lib/x")
	w.Publish("img:2", "sha256:20", "/data")
	w.Put("", "outside")
	w.Neighbour("other", neighbour)
	return w
}

// life is a history under way.
type life struct {
	world    *World
	tamper   Tamper
	parallel int
	runs     int
}

func (l *life) nonce() string {
	l.runs++
	return fmt.Sprintf("r%d", l.runs)
}

func (l *life) move(m Move) error {
	obs := l.world.Observe(ProjectName)
	opt := m.Options
	opt.Nonce = l.nonce()
	switch m.Kind {
	case MoveUp:
		plan, err := l.up(m.Project, opt)
		if plan == nil {
			return err
		}
		return l.interrupted(m, plan, m.Project)
	case MoveRun:
		return l.oneOff(m, opt)
	case MoveDown:
		return l.planned(m, planner.Down, m.Project, opt)
	case MoveStop:
		return l.planned(m, planner.Stop, planner.FromObserved(ProjectName, obs), opt)
	case MoveStart:
		return l.planned(m, planner.Start, planner.FromObserved(ProjectName, obs), opt)
	case MoveRestart:
		return l.planned(m, planner.Restart, planner.FromObserved(ProjectName, obs), opt)
	case MoveKill:
		return l.planned(m, planner.Kill, planner.FromObserved(ProjectName, obs), opt)
	case MovePause:
		return l.planned(m, planner.Pause, planner.FromObserved(ProjectName, obs), opt)
	case MoveUnpause:
		return l.planned(m, planner.Unpause, planner.FromObserved(ProjectName, obs), opt)
	case MoveRemove:
		return l.planned(m, planner.Remove, planner.FromObserved(ProjectName, obs), opt)
	case MoveReboot:
		return l.reboot()
	case MoveCrash, MoveVanish:
		if len(obs.Containers) == 0 {
			return nil
		}
		id := obs.Containers[m.Pick%len(obs.Containers)].ID
		if m.Kind == MoveCrash {
			if list := shared(obs); len(list) > 0 && m.Pick%2 == 0 {
				id = list[m.Pick%len(list)] // which cuts others off
			}
			l.world.Kill(id)
		} else {
			l.world.Lost(id)
		}
		return nil
	default:
		ref := images[m.Pick%len(images)]
		l.world.Publish(ref, fmt.Sprintf("sha256:%d", l.runs), l.world.imageVolumes[ref]...)
		l.world.Load(ref)
		return nil
	}
}

// shared returns the containers whose namespaces others are in.
func shared(obs planner.Observed) []string {
	var ids []string
	for _, c := range obs.Containers {
		if slices.ContainsFunc(obs.Containers, func(o planner.Container) bool {
			return slices.ContainsFunc(o.Spec.Shares(), func(share project.Share) bool {
				return share.Service == c.Spec.Service && c.Spec.Replica == 1 || share.Container == c.Spec.Name
			})
		}) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

type planFunc func(*project.Project, planner.Observed, planner.Options) (*planner.Plan, error)

func (l *life) planned(m Move, f planFunc, p *project.Project, opt planner.Options) error {
	plan, err := f(p, l.world.Observe(ProjectName), opt)
	if refused(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return l.interrupted(m, plan, p)
}

// reboot ends everything, and has what restart policies ask for carried out.
func (l *life) reboot() error {
	l.world.Reboot()
	l.world.Neighbour("other", neighbour)
	plan, err := planner.Revive(ProjectName, l.world.Observe(ProjectName))
	if err != nil {
		return err
	}
	if plan, err = l.tampered(plan); err != nil {
		return err
	}
	before, calls := l.world.Observe(ProjectName), len(l.world.Calls())
	l.world.Fault = nil
	// Leftovers of interrupted replacements can be in each other's way.
	l.world.Booting = true
	_ = executor.Apply(context.Background(), plan, l.world, executor.Options{Parallel: l.parallel})
	l.world.Booting = false
	l.world.Pass()
	return revived(before, l.world.Calls()[calls:])
}

// refused tells whether err is a plain no: names and ports can be taken by
// orphans that were to be kept.
func refused(err error) bool {
	var r *planner.RefusedError
	return errors.As(err, &r)
}

// up plans, and checks what holds for every plan to bring something up. There
// is no plan when it is refused.
func (l *life) up(p *project.Project, opt planner.Options) (*planner.Plan, error) {
	obs := l.world.Observe(ProjectName)
	plan, err := planner.Up(p, obs, opt)
	if refused(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	again, err := planner.Up(p, l.world.Observe(ProjectName), opt)
	if err != nil || plan.String() != again.String() {
		return nil, fmt.Errorf("planned twice, two plans: %w\n%s---\n%s", err, plan, again)
	}
	for _, s := range plan.Steps {
		id := s.Op.Target()
		if _, destroys := s.Op.(planner.RemoveVolume); destroys && opt.Redefined[id.Name] != planner.VolumeAnew {
			return nil, fmt.Errorf("up destroys %v", id)
		}
	}
	return plan, nil
}

// tampered returns the plan as it is to be carried out, after a look at it.
func (l *life) tampered(plan *planner.Plan) (*planner.Plan, error) {
	if l.tamper.Plan != nil {
		plan = l.tamper.Plan(plan)
	}
	return plan, CheckPlan(plan, l.world.Observe(ProjectName))
}

// interrupted carries out a plan for p with the move's faults. That it fails is
// part of life; what it must not do is lose data, or start what must not be.
func (l *life) interrupted(m Move, plan *planner.Plan, p *project.Project) error {
	plan, err := l.tampered(plan)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	before := l.world.Observe(ProjectName)
	if err := undisturbed(m, plan, before); err != nil {
		return fmt.Errorf("%w\n%s", err, plan)
	}
	calls := 0
	l.world.Fault = func(call string) Fault {
		calls++
		if calls == m.Cancel {
			cancel()
		}
		if l.loses(call) {
			return Lose
		}
		if len(m.Faults) == 0 {
			return None
		}
		return m.Faults[calls%len(m.Faults)]
	}
	if m.Kind == MoveRestart && (m.Options.NoDeps || len(m.Options.Selected) > 0) {
		p = nil // what does not run and was not named is not waited for
	}
	if m.Options.NoStart {
		p = nil // what ran runs again, though nothing else is started
	}
	b := &watched{World: l.world, plan: plan, project: p, kills: m.Kind == MoveKill}
	_ = executor.Apply(ctx, plan, b, executor.Options{Parallel: l.parallel}) // meant to fail
	l.world.Pass()
	err = b.broken()
	if m.Kind == MoveUp && !m.Options.RenewAnonymous {
		err = errors.Join(err, l.inherited(before))
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, plan)
	}
	return nil
}

func (l *life) loses(call string) bool { return l.tamper.Lose != nil && l.tamper.Lose(call) }

// carry carries out a plan for p without faults, but for planted ones.
func (l *life) carry(plan *planner.Plan, p *project.Project) error {
	plan, err := l.tampered(plan)
	if err != nil {
		return err
	}
	l.world.Fault = func(call string) Fault {
		if l.loses(call) {
			return Lose
		}
		return None
	}
	b := &watched{World: l.world, plan: plan, project: p}
	err = executor.Apply(context.Background(), plan, b, executor.Options{Parallel: l.parallel})
	l.world.Pass()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, plan)
	}
	if early := b.broken(); early != nil {
		return fmt.Errorf("%w\n%s", early, plan)
	}
	return err
}

// last brings the last project up and takes it down.
func (l *life) last(h History) error {
	p := h.Last
	opt := planner.Options{Nonce: l.nonce(), RemoveOrphans: true, Wait: h.Wait, Redefined: map[string]planner.VolumePolicy{dataVolume: planner.VolumeAnew}}
	l.world.EndOneOffs()
	before := l.world.Observe(ProjectName)
	if slices.ContainsFunc(before.Containers, func(c planner.Container) bool {
		return c.HooksDue && c.State == planner.StateRestarting // without a process there is nothing to run them in
	}) {
		l.world.Pass()
		before = l.world.Observe(ProjectName)
	}
	plan, err := planner.Up(p, before, opt)
	if err != nil {
		return fmt.Errorf("up: %w", err)
	}
	hopeless := prospects(p, plan).hopeless(h.Wait)
	err = l.carry(plan, p)
	switch {
	case hopeless == "" && err != nil:
		return fmt.Errorf("up: %w", err)
	case hopeless == "":
		err = errors.Join(l.inherited(before), l.asWanted(p), l.settled(p))
	case waitedInVain(err):
		err = l.inherited(before)
	default:
		err = fmt.Errorf("%s cannot be as it is needed, and up says %w", hopeless, err)
	}
	if err != nil {
		return fmt.Errorf("after up: %w\n%s", err, plan)
	}
	down, err := planner.Down(p, l.world.Observe(ProjectName), planner.Options{Volumes: true, RemoveOrphans: true})
	if err != nil {
		return fmt.Errorf("down: %w", err)
	}
	if err := l.carry(down, p); err != nil {
		return fmt.Errorf("down: %w", err)
	}
	return l.nothingLeft(p)
}

// settled checks that another up finds nothing to do but to start what has ended
// by itself, and is no job that succeeded, and to wait for that.
func (l *life) settled(p *project.Project) error {
	rest, err := planner.Up(p, l.world.Observe(ProjectName), planner.Options{Nonce: l.nonce(), RemoveOrphans: true})
	if err != nil {
		return err
	}
	ends := map[string]bool{}
	for _, s := range p.Services {
		for _, c := range s.Containers() {
			f := fateOf(c)
			ends[c.ID().String()] = f.ends && !(s.Job && f.code == 0)
		}
	}
	starts := false
	for _, s := range rest.Steps {
		switch s.Op.(type) {
		case planner.StartContainer:
			starts = true
			if ends[s.Op.Target().String()] {
				continue
			}
		case planner.AwaitContainer, planner.RunInits:
			continue
		}
		return fmt.Errorf("there is something to do:\n%s", rest)
	}
	if !starts && !rest.Empty() {
		return fmt.Errorf("nothing starts, and there is something to do:\n%s", rest)
	}
	return nil
}

// waitedInVain tells whether err is that a container did not become what it was
// needed to be.
func waitedInVain(err error) bool {
	var why *planner.AwaitError
	return errors.As(err, &why) || errors.Is(err, ErrForever)
}
