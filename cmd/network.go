package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func (a *app) networkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "network COMMAND",
		Short: "List, inspect, create and remove networks",
		Long: "Lists, inspects, creates and removes networks, as docker's commands of the same names do: those of projects and those\n" +
			"that Compose files use as external ones.",
		Args: knownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.networkCreateCommand(), a.networkInspectCommand(), a.networkListCommand(), a.networkPruneCommand(), a.networkRemoveCommand())
	return c
}

// networks returns all networks. Nothing is started for it.
func (a *app) networks(ctx context.Context) ([]host.Network, error) {
	cfg, err := a.hostConfig()
	if err != nil {
		return nil, err
	}
	return host.LookAtNetworks(ctx, cfg)
}

// networkNamed returns the network that has the name or the ID, or whose ID
// alone begins so.
func networkNamed(all []host.Network, name string) (host.Network, error) {
	return naming[host.Network]{
		kind: "network", list: "network ls",
		id: func(n host.Network) string { return n.ID }, name: func(n host.Network) string { return n.Name },
	}.find(all, name)
}

// networkSteps are the networks that a command makes and takes away.
type networkSteps = resourceSteps[project.Network]

// networkChange is one command that changes networks.
type networkChange = resourceChange[host.Network, project.Network]

// networkKind is what all changes of networks have in common.
func (a *app) networkKind() resource[host.Network, project.Network] {
	return resource[host.Network, project.Network]{
		app: a, name: "networks", look: a.networks, halves: true,
		users:   func(ctx context.Context, h *host.Host) ([]host.Network, error) { return h.Networks(ctx) },
		want:    func(n host.Network) project.Network { return n.Network },
		called:  func(n project.Network) string { return n.Name },
		itself:  func(n host.Network) string { return n.ID },
		project: func(n project.Network) string { return n.Project },
		plan:    planner.Networks,
	}
}
