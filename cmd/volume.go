package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func (a *app) volumeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "volume COMMAND",
		Short: "List, inspect, create and remove volumes",
		Long: "Lists, inspects, creates and removes volumes, as docker's commands of the same names do: those of projects and those\n" +
			"that Compose files use as external ones.",
		Args: knownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.volumeCreateCommand(), a.volumeInspectCommand(), a.volumeListCommand(), a.volumePruneCommand(), a.volumeRemoveCommand())
	return c
}

// volumes returns all volumes. Nothing is started for it.
func (a *app) volumes(context.Context) ([]host.Volume, error) {
	cfg, err := a.hostConfig()
	if err != nil {
		return nil, err
	}
	return host.LookAtVolumes(cfg)
}

func volumeNamed(all []host.Volume, name string) (host.Volume, error) {
	return naming[host.Volume]{kind: "volume", list: "volume ls", name: func(v host.Volume) string { return v.Name }}.find(all, name)
}

// volumeSteps are the volumes that a command makes and takes away.
type volumeSteps = resourceSteps[project.Volume]

// volumeChange is one command that changes volumes.
type volumeChange = resourceChange[host.Volume, project.Volume]

// volumeKind is what all changes of volumes have in common.
func (a *app) volumeKind() resource[host.Volume, project.Volume] {
	return resource[host.Volume, project.Volume]{
		app: a, name: "volumes", look: a.volumes,
		users:   func(ctx context.Context, h *host.Host) ([]host.Volume, error) { return h.Volumes(ctx) },
		sweep:   func(ctx context.Context, h *host.Host) error { return h.Sweep(ctx) },
		want:    func(v host.Volume) project.Volume { return v.Volume.Volume },
		called:  func(v project.Volume) string { return v.Name },
		itself:  func(v host.Volume) string { return v.Name + " " + v.CreatedAt.String() },
		project: func(v project.Volume) string { return v.Project },
		plan:    planner.Volumes,
	}
}
