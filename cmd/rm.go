package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func (a *app) rmCommand() *cobra.Command {
	var opt planner.Options
	var force, all bool
	c := &cobra.Command{
		Use:   "rm [OPTIONS] [SERVICE...]",
		Short: "Removes stopped service containers",
		Long: "Removes containers that do not run, with their logs; with --stop also those that run. Volumes stay, but for the\n" +
			"anonymous ones with --volumes. It asks before, unless --force is given; no answer is no.",
		Example: "  gocompose rm\n" +
			"  gocompose rm --stop --force web",
		RunE: func(c *cobra.Command, services []string) error {
			opt.Selected = services
			change := toExisting("rm", nil, opt)
			change.plan = func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
				return planner.Remove(p, obs, opt)
			}
			change.removes = opt.Volumes
			change.hide = anonymousVolumes
			change.agree = func(plan *planner.Plan) (bool, error) {
				if !a.sayRemoval(plan) {
					return false, nil
				}
				opt.Only = removed(plan) // no other one that has come to a stop while the user was asked
				if force {
					return true, nil
				}
				return a.ask(c.Context(), "Remove them?")
			}
			return a.change(c.Context(), change)
		},
	}
	f := c.Flags()
	f.BoolVarP(&force, "force", "f", false, "Don't ask to confirm removal")
	f.BoolVarP(&opt.Stop, "stop", "s", false, "Stop the containers, if required, before removing")
	f.BoolVarP(&opt.Volumes, "volumes", "v", false, "Remove any anonymous volumes attached to containers")
	f.BoolVarP(&all, "all", "a", false, "Deprecated - no effect")
	hide(c, "all")
	return c
}

// sayRemoval says which containers are going to be removed, and tells whether
// there are any.
func (a *app) sayRemoval(plan *planner.Plan) bool {
	names := plan.Removes()
	if len(names) == 0 {
		fmt.Fprintln(a.Err, "No stopped containers")
		return false
	}
	fmt.Fprintf(a.Err, "Going to remove %s\n", strings.Join(names, ", "))
	return true
}

// removed are the IDs of the containers that are going to be.
func removed(plan *planner.Plan) []string {
	var ids []string
	for _, s := range plan.Steps {
		if op, ok := s.Op.(planner.RemoveContainer); ok {
			ids = append(ids, op.Container.ID)
		}
	}
	return ids
}

// ask puts a question and reads the answer: y and yes are yes; anything else, or
// nothing, is no.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	text, err := a.answer(ctx, question)
	return isYes(text), err
}

func isYes(text string) bool {
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(text)))
}

// answer puts a question that may be answered with no, and reads a line.
func (a *app) answer(ctx context.Context, question string) (string, error) {
	return a.typed(ctx, question+" [y/N] ")
}
