package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/view"
)

// containerChange is one command that changes containers that are named.
type containerChange struct {
	title string
	// decide plans for those of one project, which opt then has in Only.
	decide planning
	opt    planner.Options
	// refuses says why it is not done to a container; nil: it is.
	refuses func(host.Info) error
	// force: one that is not there is no error.
	force bool
}

// namedContainer is a container as its user has named it.
type namedContainer struct {
	host.Info
	named string
}

// changeContainers makes the change, a project after the other, and prints the names
// of those to which it is done. That some are refused does not keep the others.
func (a *app) changeContainers(ctx context.Context, names []string, c containerChange) error {
	h, all, err := a.openContainers(ctx, "")
	if err != nil {
		return err
	}
	defer h.Close()
	found, refused := c.find(all, names)
	errs := []error{refused}
	for len(found) > 0 {
		of := found[0].Spec.Project
		var those []namedContainer
		found = slices.DeleteFunc(found, func(n namedContainer) bool {
			if n.Spec.Project == of {
				those = append(those, n)
			}
			return n.Spec.Project == of
		})
		if err := a.changeThose(ctx, h, c, of, those); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// find returns the containers that the change is made to, each once, and why it is
// not made to others.
func (c containerChange) find(all []host.Info, names []string) ([]namedContainer, error) {
	var found []namedContainer
	var errs []error
	for _, name := range names {
		i, err := containerNamed(all, name)
		if err != nil {
			if !c.force || !errors.Is(err, errNotFound) {
				errs = append(errs, err)
			}
			continue
		}
		if err := c.refuses(i); err != nil {
			errs = append(errs, err)
			continue
		}
		if !slices.ContainsFunc(found, func(n namedContainer) bool { return n.ID == i.ID }) {
			found = append(found, namedContainer{i, name})
		}
	}
	return found, errors.Join(errs...)
}

// changeThose makes the change to containers of one project.
func (a *app) changeThose(ctx context.Context, h *host.Host, c containerChange, of string, those []namedContainer) error {
	for _, n := range those {
		c.opt.Only = append(slices.Clip(c.opt.Only), n.ID)
	}
	step := change{
		title: c.title, removes: c.opt.Volumes, hide: anonymousVolumes,
		plan: func(p *project.Project, obs planner.Observed) (*planner.Plan, error) { return c.decide(p, obs, c.opt) },
	}
	if a.globals.dryRun {
		plan, err := a.plan(ctx, h, step, of, nil)
		if err != nil {
			return err
		}
		w, opt := a.progress(step)
		return view.DryRun(w, plan, opt)
	}
	err := a.changeProject(ctx, h, step, of, nil)
	for _, n := range those {
		if err == nil {
			fmt.Fprintln(a.Out, n.named)
		}
	}
	return err
}
