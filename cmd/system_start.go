package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func (a *app) systemStartCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "start",
		Short: "Bring back the containers that a reboot has ended",
		Long: "Starts, in the order of their dependencies, the containers whose restart policy asks for it: with `always`\n" +
			"all that were ever started, with `unless-stopped` all but those that the user has stopped. The systemd unit\n" +
			"runs it at boot. When nothing is to be started it does nothing, and says nothing.",
		Example: "gocompose system start",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if a.globals.dryRun {
				return errNoDryRun()
			}
			return a.systemStart(c.Context())
		},
	}
}

func (a *app) systemStart(ctx context.Context) error {
	h, err := a.openExisting(ctx)
	if h == nil || err != nil {
		return err
	}
	defer h.Close()
	return a.eachProject(ctx, h.Booting(), change{
		title:    "system start",
		contents: a.lostContents,
		plan: func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
			plan, err := planner.Revive(p.Name, obs)
			if err != nil {
				return nil, err
			}
			silent := *plan
			silent.Unchanged = nil
			return &silent, nil
		},
	})
}
