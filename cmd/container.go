package cmd

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

func (a *app) containerCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "container COMMAND",
		Short: "List, inspect, read and remove containers of all projects",
		Long: "Shows and removes containers, whichever project they are of, as docker's commands of the same names do. No Compose\n" +
			"file is read. Containers are named, or told by their IDs or what these alone begin with.",
		Example:                    "gocompose container ls -a\ngocompose container logs --tail 10 shop-web-1",
		Args:                       knownCommand,
		SuggestionsMinimumDistance: 2,
		RunE:                       func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.containerAttachCommand(), a.containerExecCommand(), a.containerInspectCommand(), a.containerKillCommand(), a.containerListCommand(), a.containerLogsCommand(),
		a.containerRemoveCommand(), a.containerStopCommand())
	return c
}

// allContainers returns those of all projects. Where no engine ever ran there are
// none.
func (a *app) allContainers(ctx context.Context) ([]host.Info, error) { return a.containers(ctx, "") }

// containerNamed returns the container with that name, that ID, or the only one
// whose ID begins so.
func containerNamed(all []host.Info, name string) (host.Info, error) {
	return naming[host.Info]{
		kind: "container", list: "container ls -a",
		id: func(i host.Info) string { return i.ID }, name: func(i host.Info) string { return i.Name },
	}.find(all, strings.TrimPrefix(name, "/")) // docker's own names begin with it
}

// completeContainers completes names that are not given yet.
func (a *app) completeContainers(c *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	all, err := a.allContainers(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, i := range all {
		if !slices.Contains(given, i.Name) {
			names = append(names, i.Name)
		}
	}
	slices.Sort(names)
	return names, cobra.ShellCompDirectiveNoFileComp
}
