package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// checkBuilds has the Dockerfiles of what c builds looked at, and fails when something
// is found in them. It makes no plan that is carried out: nothing is changed.
func (a *app) checkBuilds(ctx context.Context, c change) (err error) {
	if a.globals.dryRun {
		return errNoDryRun()
	}
	_, p, err := a.wanted(ctx, c)
	if err != nil {
		return err
	}
	if err := a.trusts(ctx, c, p); err != nil {
		return err
	}
	plan, err := c.plan(p, planner.Observed{Images: everyImage(p)})
	if err != nil {
		return err
	}
	a.notices(plan)
	if plan.Empty() {
		return nil
	}
	h, err := a.openHost(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	h = h.WithContents(p.Contents).WithBuilds(host.Builds{Stdin: a.In})
	found, made := 0, built(p)
	for _, s := range plan.Steps {
		op, ok := s.Op.(planner.BuildImage)
		if !ok {
			continue
		}
		warnings, missing, err := h.CheckBuild(ctx, op, made)
		if err != nil {
			return err
		}
		for _, ref := range missing {
			a.warn(fmt.Sprintf("service %s begins with image %s, which is not here: that its variables are defined is not checked; `gocompose build %[1]s` builds both",
				op.Service, planner.ShortImage(ref)))
		}
		found += len(warnings)
		for _, w := range warnings {
			place := w.Service
			if w.File != "" {
				place = fmt.Sprintf("%s:%d", w.File, w.Line)
			}
			fmt.Fprintf(a.Out, "WARNING: %s: %s\n", place, w.Text)
			if w.URL != "" {
				fmt.Fprintf(a.Out, "  %s\n", w.URL)
			}
		}
	}
	if found > 0 {
		return fmt.Errorf("%d warnings of what is to be built", found)
	}
	fmt.Fprintln(a.Out, "Check complete, no warnings found.")
	return nil
}

// built are the images that the services build, by all their names.
func built(p *project.Project) []string {
	var refs []string
	for _, s := range slices.Concat(p.Services, p.Bases) {
		if s.Build != nil {
			refs = append(refs, s.Refs()...)
		}
	}
	return refs
}
