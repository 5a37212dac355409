package cmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func (a *app) systemStopCommand() *cobra.Command {
	var force, containers bool
	c := &cobra.Command{
		Use:   "stop [OPTIONS]",
		Short: "Stop gocompose's own processes",
		Long: "Ends the supervisor and the private containerd. They come back with the next command that needs them.\n" +
			"Refused while containers run: stop those first, or use --containers.",
		Example: "gocompose system stop --containers",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if a.globals.dryRun {
				return errNoDryRun()
			}
			if force && containers {
				return usage("--force and --containers exclude each other")
			}
			how := host.Careful
			if force {
				how = host.Forced
			}
			return a.systemStop(c.Context(), how, containers)
		},
	}
	c.Flags().BoolVar(&containers, "containers", false, "Stop all containers first, in good order; gocompose system start brings them back")
	c.Flags().BoolVar(&force, "force", false, "Even while containers run: they go on without names until the next command")
	return c
}

func (a *app) systemStop(ctx context.Context, how host.Force, containers bool) error {
	cfg, err := a.hostConfig()
	if err != nil {
		return err
	}
	if containers {
		if err := a.stopContainers(ctx, cfg); err != nil {
			return err
		}
	}
	return host.StopSystem(ctx, cfg, how, func() {
		a.warn("another command is still running, perhaps logs -f: waiting for it to end")
	})
}

// stopContainers stops what runs as for the end of the machine.
func (a *app) stopContainers(ctx context.Context, cfg host.Config) error {
	active, err := host.Active(ctx, cfg)
	if err != nil || !active {
		return err
	}
	h, err := host.Open(ctx, cfg)
	if err != nil {
		return err
	}
	err = a.eachProject(ctx, h.GoingDown(), change{
		title: "system stop",
		plan: func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
			return planner.Stop(p, obs, planner.Options{NoHooks: true, OneOffs: true})
		},
	})
	return errors.Join(err, h.Close())
}
