package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
		Args:                       knownCommand,
		SuggestionsMinimumDistance: 2,
		RunE:                       func(c *cobra.Command, _ []string) error { return c.Help() },
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

var errNoVolume = errors.New("not found")

func volumeNamed(all []host.Volume, name string) (host.Volume, error) {
	i := slices.IndexFunc(all, func(v host.Volume) bool { return v.Name == name })
	if i < 0 {
		return host.Volume{}, fmt.Errorf("volume %s %w: `gocompose volume ls` lists those that there are", name, errNoVolume)
	}
	return all[i], nil
}

// completeVolumes completes names of volumes that are not given yet.
func (a *app) completeVolumes(c *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	all, err := a.volumes(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, v := range all {
		if !slices.Contains(given, v.Name) {
			names = append(names, v.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// volumeSteps are the volumes that a command makes and takes away.
type volumeSteps = resourceSteps[project.Volume]

// volumeChange is one command that changes volumes.
type volumeChange = resourceChange[host.Volume, project.Volume]

// changeVolumes is resource.change of volumes.
func (a *app) changeVolumes(ctx context.Context, c volumeChange) (volumeSteps, error) {
	return resource[host.Volume, project.Volume]{
		app: a, name: "volumes", look: a.volumes,
		users:   func(ctx context.Context, h *host.Host) ([]host.Volume, error) { return h.Volumes(ctx) },
		sweep:   func(ctx context.Context, h *host.Host) error { return h.Sweep(ctx) },
		project: func(v project.Volume) string { return v.Project },
		plan:    planner.Volumes,
	}.change(ctx, c)
}

// goneVolumes returns the names of those that were to be removed and are not there
// any more, in the order of the steps.
func (a *app) goneVolumes(ctx context.Context, steps volumeSteps) ([]string, error) {
	if len(steps.remove) == 0 {
		return nil, nil
	}
	left, err := a.volumes(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	var gone []string
	for _, v := range steps.remove {
		if _, err := volumeNamed(left, v.Name); err != nil {
			gone = append(gone, v.Name)
		}
	}
	return gone, nil
}
