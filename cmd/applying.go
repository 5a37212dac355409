package cmd

import (
	"context"
	"errors"
	"runtime"
	"slices"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/view"
)

// carryDue carries out what is due before the plan proper.
func (a *app) carryDue(ctx context.Context, h *host.Host, c change, due *planner.Plan) error {
	if due.Empty() {
		return nil
	}
	return a.apply(ctx, h, due, change{title: titleOf(due), hide: c.hide, builds: c.builds, console: c.console})
}

// titleOf is what is written above the progress of pulls and builds.
func titleOf(due *planner.Plan) string {
	if slices.ContainsFunc(due.Steps, func(s planner.Step) bool { return s.Op.Verb() == planner.VerbBuild }) {
		return "build"
	}
	return "pull"
}

// apply has the plan carried out and shows how it goes.
func (a *app) apply(ctx context.Context, h *host.Host, plan *planner.Plan, c change) error {
	for _, phase := range plan.Phases() {
		if err := a.applyPhase(ctx, h, phase, c); err != nil {
			return err
		}
	}
	return nil
}

// applyPhase has a plan, or a part of it, carried out and shows how it goes.
func (a *app) applyPhase(ctx context.Context, h *host.Host, plan *planner.Plan, c change) (err error) {
	a.notices(plan)
	a.tellPlan(plan)
	w, look := a.progress(c)
	shown := shown{progress: view.NewProgress(w, look), last: c.last, started: c.started}
	h, shown.displayed, err = a.displayed(ctx, h, c, plan, w, look.Mode)
	if err != nil {
		return err
	}
	if n := plan.Builds(); n > 0 && n == len(plan.Steps) && look.Mode == view.ModeTTY && c.console == nil {
		shown.later = &later{plan: plan}
	} else {
		shown.progress.Begin(plan)
	}
	defer func() { err = errors.Join(err, shown.end()) }()
	if plan.Empty() {
		return nil
	}
	ctx, kept, err := keeping(ctx, h, plan)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kept(err)) }()
	opt := executor.Options{
		Parallel: max(a.globals.parallel, 0),
		Limits:   executor.DefaultLimits(runtime.NumCPU()),
		Events:   shown.event,
		Provided: c.provided,
	}
	if c.events != nil {
		opt.Events = func(e executor.Event) {
			shown.event(e)
			c.events(e)
		}
	}
	if c.patience == 0 {
		return executor.Apply(ctx, plan, h, opt)
	}
	patient, end := withPatience(ctx, c.patience)
	defer end()
	opt.Events = func(e executor.Event) {
		patient.event(e)
		shown.event(e)
	}
	return executor.Apply(patient, plan, h, opt)
}

// keeping has what the plan makes kept while it is carried out, and what earlier commands have
// left of the like. The returned function is told how it went, and ends that.
func keeping(ctx context.Context, h *host.Host, plan *planner.Plan) (context.Context, func(error) error, error) {
	if plan.Builds() == len(plan.Steps) { // BuildKit keeps what it makes
		return ctx, func(error) error { return nil }, nil
	}
	leased, lease, err := h.Lease(ctx, plan.Project)
	if err != nil {
		return nil, nil, err
	}
	end := func(went error) error {
		release := lease.End
		if resumes(plan, went) {
			release = lease.Leave
		}
		return release(context.WithoutCancel(leased))
	}
	if err := h.TakeOver(leased, plan.Project); err != nil {
		return nil, nil, errors.Join(err, end(err))
	}
	return leased, end, nil
}

// resumes tells whether the next command goes on with what this one has fetched: its
// lease stays. A full disk is to have room again, and before images are verified nothing
// is fetched.
func resumes(plan *planner.Plan, err error) bool {
	pulls := slices.ContainsFunc(plan.Steps, func(s planner.Step) bool {
		_, ok := s.Op.(planner.PullImage)
		return ok
	})
	return err != nil && pulls && !errors.Is(err, images.ErrNoSpace) && !errors.Is(err, host.ErrUnverified)
}

// shown is progress that ends before the plan does, where something else is on the
// user's terminal from some operation on.
type shown struct {
	progress *view.Progress
	last     func(planner.Op) bool
	started  func()
	// displayed ends the display of builds; later, when set, is shown after that.
	displayed func() error
	later     *later

	over bool
	err  error
}

func (s *shown) event(e executor.Event) {
	last := s.last != nil && s.last(e.Op)
	if last && e.Phase == executor.Running {
		s.err = s.end()
	}
	switch {
	case s.over:
	case s.later != nil:
		s.later.events = append(s.later.events, e)
	default:
		s.progress.Event(e)
	}
	if last && e.Phase == executor.Done {
		s.started()
	}
}

func (s *shown) end() error {
	if s.over {
		return s.err
	}
	s.over = true
	err := s.displayed()
	if s.later != nil {
		s.later.show(s.progress)
	}
	return errors.Join(err, s.progress.End())
}

// later keeps what happened for when the display of builds has the terminal no more.
type later struct {
	plan   *planner.Plan
	events []executor.Event
}

func (l *later) show(p *view.Progress) {
	p.Begin(l.plan)
	for _, e := range l.events {
		p.Event(e)
	}
}
