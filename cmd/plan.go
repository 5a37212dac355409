package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/view"
)

func (a *app) planCommand() *cobra.Command {
	f := upFlags{shows: true}
	var format string
	var exitCode bool
	c := &cobra.Command{
		Use:   "plan [OPTIONS] [SERVICE...]",
		Short: "Show what up would do, and why",
		Long: "Compares the Compose file with what is there and shows each step that `gocompose up` would take, with its\n" +
			"reason. Nothing is changed. Values of variables are never shown.",
		Example: "gocompose plan\n" +
			"gocompose plan --exit-code || echo there is something to do\n" +
			"gocompose plan --format dot | dot -Tsvg >plan.svg",
		RunE: func(c *cobra.Command, services []string) error {
			if err := f.complete(a, c); err != nil {
				return err
			}
			change, err := f.change(services)
			if err != nil {
				return err
			}
			plan, err := a.planOnly(c.Context(), change)
			if err != nil {
				return err
			}
			if err := a.printPlan(plan, format); err != nil {
				return err
			}
			if exitCode && !plan.Empty() {
				return &exitError{code: exitChanges}
			}
			return nil
		},
	}
	f.add(c)
	c.Flags().StringVar(&format, "format", "text", "Format the output. Values: [text | json | dot]")
	c.Flags().BoolVar(&exitCode, "exit-code", false, "Exit with 0 when there is nothing to do, 2 when there are changes, 1 on errors")
	return c
}

// planOnly makes the plan of c without carrying it out, and without starting
// an engine where none ever ran: nothing is there then.
func (a *app) planOnly(ctx context.Context, c change) (*planner.Plan, error) {
	name, p, err := a.wanted(ctx, c)
	if err != nil {
		return nil, err
	}
	h, err := a.openExisting(ctx)
	if err != nil {
		return nil, err
	}
	var plan *planner.Plan
	if h == nil {
		plan, err = c.plan(orEmpty(p, name), planner.Observed{})
	} else {
		defer h.Close()
		h = h.WithTrust(p)
		plan, err = a.plan(ctx, h, c, name, p)
	}
	if err != nil {
		return nil, err
	}
	due, err := c.due(ctx, h, p)
	if err != nil {
		return nil, err
	}
	plan = planner.Foreseen(p, plan, due)
	if c.brings(p) {
		plan = plan.Before(planner.ProvidersShown(p))
	}
	return plan, nil
}

func orEmpty(p *project.Project, name string) *project.Project {
	if p == nil {
		return &project.Project{Name: name}
	}
	return p
}

func (a *app) printPlan(p *planner.Plan, format string) error {
	switch format {
	case "text":
		return view.Text(a.Out, p)
	case "json":
		return view.JSON(a.Out, p)
	case "dot":
		return view.DOT(a.Out, p)
	default:
		return usage("unknown format %q: text, json or dot", format)
	}
}

// errNoDryRun is for commands that make no plan.
func errNoDryRun() error { return usage("--dry-run: this command has none; leave it out") }
