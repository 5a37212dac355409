package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/view"
)

// resource is a kind of what docker has commands of their own for: networks, or
// volumes. There is O of each, and R is what is planned with.
type resource[O, R any] struct {
	app  *app
	name string // "networks"
	// look returns all that there are. Nothing is started for it.
	look func(context.Context) ([]O, error)
	// users is look with who uses them.
	users func(context.Context, *host.Host) ([]O, error)
	// sweep takes away what killed commands have left; nil: nothing is.
	sweep func(context.Context, *host.Host) error
	// want is what is planned with of what there is.
	want    func(O) R
	called  func(R) string
	project func(R) string
	// itself tells one from another that has its name later.
	itself func(O) string
	plan   func(create, remove []R) *planner.Plan
	// halves: one that cannot be made may be there in part.
	halves bool
}

// resourceSteps are what a command makes and takes away.
type resourceSteps[R any] struct {
	create, remove []R
	// refused is what was asked for and cannot be; the rest is done.
	refused error
}

func (s resourceSteps[R]) empty() bool { return len(s.create)+len(s.remove) == 0 }

// resourceChange is one command that changes resources.
type resourceChange[O, R any] struct {
	title string
	// decide says what is to be done about what there is. Without its users it may
	// say more than is done.
	decide func([]O) resourceSteps[R]
	// confirm is asked whether to do it; nil: yes. Nobody is kept from anything
	// meanwhile, so afterwards it is looked again, and what it was asked about is done
	// as far as that is still decided.
	confirm func(resourceSteps[R]) (bool, error)
}

func (c resourceChange[O, R]) confirmed(steps resourceSteps[R]) (bool, error) {
	if c.confirm == nil {
		return true, nil
	}
	return c.confirm(steps)
}

// projects are those of what is taken away.
func (k resource[O, R]) projects(s resourceSteps[R]) []string {
	var names []string
	for _, r := range s.remove {
		names = append(names, k.project(r))
	}
	return names
}

// change plans what c decides, has it carried out, and returns the steps that were
// planned. What cannot be made is taken away again. Where there is nothing to do
// it starts no engine.
func (k resource[O, R]) change(ctx context.Context, c resourceChange[O, R]) (resourceSteps[R], error) {
	all, err := k.look(ctx)
	if err != nil {
		return resourceSteps[R]{}, err
	}
	steps := c.decide(all)
	if k.app.globals.dryRun {
		return resourceSteps[R]{}, k.dryRun(ctx, c, steps)
	}
	if steps.empty() {
		_, err := c.confirmed(steps)
		return resourceSteps[R]{refused: steps.refused}, err
	}
	h, err := k.app.openHost(ctx)
	if err != nil {
		return resourceSteps[R]{}, err
	}
	defer h.Close()
	now, err := k.decideLocked(ctx, h, c, steps)
	if err == nil && c.confirm != nil {
		now, err = k.agree(ctx, h, c, now)
	}
	if err != nil {
		return resourceSteps[R]{}, err
	}
	defer now.unlock()
	steps = now.steps
	if steps.empty() {
		return steps, nil
	}
	err = k.app.apply(ctx, h, k.plan(steps.create, steps.remove), change{title: c.title})
	if err != nil && len(steps.create) > 0 && k.halves { // nobody would make it whole
		everything := func(planner.Op) bool { return true }
		undo := k.plan(nil, steps.create)
		err = errors.Join(err, k.app.apply(context.WithoutCancel(ctx), h, undo, change{title: c.title, hide: everything}))
	}
	return steps, err
}

// decided is what is to be done about what there is while others are kept from
// changing it.
type decided[O, R any] struct {
	all    []O
	steps  resourceSteps[R]
	unlock func()
}

// agree asks about the steps, for which it lets go of the locks, and then decides again.
// What was not asked about stays, and so does what has a name of those by now.
func (k resource[O, R]) agree(ctx context.Context, h *host.Host, c resourceChange[O, R], first decided[O, R]) (decided[O, R], error) {
	first.unlock()
	if yes, err := c.confirm(first.steps); !yes || err != nil {
		return decided[O, R]{steps: resourceSteps[R]{refused: first.steps.refused}, unlock: func() {}}, err
	}
	named, those := k.names(first.steps.remove), map[string]bool{}
	for _, o := range first.all {
		if slices.Contains(named, k.called(k.want(o))) {
			those[k.itself(o)] = true
		}
	}
	again := c
	again.decide = func(all []O) resourceSteps[R] {
		steps := c.decide(all)
		steps.remove = slices.DeleteFunc(steps.remove, func(r R) bool {
			return !slices.ContainsFunc(all, func(o O) bool { return k.called(k.want(o)) == k.called(r) && those[k.itself(o)] })
		})
		return steps
	}
	return k.decideLocked(ctx, h, again, first.steps)
}

// decideLocked decides again while nobody else changes these resources or their
// projects, which may have come to others than the first time.
func (k resource[O, R]) decideLocked(ctx context.Context, h *host.Host, c resourceChange[O, R], first resourceSteps[R]) (decided[O, R], error) {
	where, err := k.app.paths()
	if err != nil {
		return decided[O, R]{}, err
	}
	for {
		unlock, err := host.LockResources(ctx, where, k.name, k.projects(first), func(what string) {
			k.app.warn(fmt.Sprintf("another command is changing %s: waiting for it to end", what))
		})
		if err != nil {
			return decided[O, R]{}, err
		}
		all, err := k.swept(ctx, h)
		if err != nil {
			unlock()
			return decided[O, R]{}, err
		}
		steps := c.decide(all)
		if !slices.ContainsFunc(k.projects(steps), func(p string) bool { return !slices.Contains(k.projects(first), p) }) {
			return decided[O, R]{all, steps, unlock}, nil
		}
		unlock()
		first = steps
	}
}

func (k resource[O, R]) swept(ctx context.Context, h *host.Host) ([]O, error) {
	if k.sweep != nil {
		if err := k.sweep(ctx, h); err != nil {
			return nil, err
		}
	}
	return k.users(ctx, h)
}

// dryRun shows what would be done. Where no engine ever ran it starts none.
func (k resource[O, R]) dryRun(ctx context.Context, c resourceChange[O, R], steps resourceSteps[R]) error {
	h, err := k.app.openExisting(ctx)
	if err != nil {
		return err
	}
	if h != nil {
		defer h.Close()
		all, err := k.users(ctx, h)
		if err != nil {
			return err
		}
		steps = c.decide(all)
	}
	w, opt := k.app.progress(change{title: c.title})
	return errors.Join(view.DryRun(w, k.plan(steps.create, steps.remove), opt), steps.refused)
}

// names returns those of what is planned with.
func (k resource[O, R]) names(all []R) []string {
	out := make([]string, len(all))
	for i, r := range all {
		out[i] = k.called(r)
	}
	return out
}

// there returns the names of all that there are.
func (k resource[O, R]) there(ctx context.Context) ([]string, error) {
	all, err := k.look(ctx)
	out := make([]string, len(all))
	for i, o := range all {
		out[i] = k.called(k.want(o))
	}
	return out, err
}

// gone returns the names of those that were to be removed and are not there any
// more, in the order of the steps.
func (k resource[O, R]) gone(ctx context.Context, steps resourceSteps[R]) ([]string, error) {
	if len(steps.remove) == 0 {
		return nil, nil
	}
	left, err := k.there(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(k.names(steps.remove), func(name string) bool { return slices.Contains(left, name) }), nil
}

// complete completes names that are not given yet.
func (k resource[O, R]) complete(c *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	all, err := k.there(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return slices.DeleteFunc(all, func(name string) bool { return slices.Contains(given, name) }), cobra.ShellCompDirectiveNoFileComp
}
