package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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

var errNoNetwork = errors.New("not found")

// networkNamed returns the network that has the name or the ID, or whose ID
// alone begins so.
func networkNamed(all []host.Network, name string) (host.Network, error) {
	for _, is := range []func(host.Network) bool{
		func(n host.Network) bool { return n.ID == name },
		func(n host.Network) bool { return n.Name == name },
	} {
		if i := slices.IndexFunc(all, is); i >= 0 {
			return all[i], nil
		}
	}
	var found []host.Network
	for _, n := range all {
		if name != "" && strings.HasPrefix(n.ID, name) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 0:
		return host.Network{}, fmt.Errorf("network %s %w: `gocompose network ls` lists those that there are", name, errNoNetwork)
	case 1:
		return found[0], nil
	}
	return host.Network{}, fmt.Errorf("network %s is ambiguous: the IDs of %d networks begin so; give more of it, or a name", name, len(found))
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
		project: func(n project.Network) string { return n.Project },
		plan:    planner.Networks,
	}
}
