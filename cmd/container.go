package cmd

import (
	"context"
	"errors"
	"fmt"
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

var errNoSuchContainer = errors.New("not found")

// containerNamed returns the container with that name, that ID, or the only one
// whose ID begins so.
func containerNamed(all []host.Info, name string) (host.Info, error) {
	wanted := strings.TrimPrefix(name, "/") // docker's own names begin with it
	for _, is := range []func(host.Info) bool{
		func(i host.Info) bool { return i.Name == wanted },
		func(i host.Info) bool { return i.ID == wanted },
	} {
		if n := slices.IndexFunc(all, is); n >= 0 {
			return all[n], nil
		}
	}
	var found []host.Info
	for _, i := range all {
		if wanted != "" && strings.HasPrefix(i.ID, wanted) {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return host.Info{}, fmt.Errorf("container %s %w: `gocompose container ls -a` lists those that there are", name, errNoSuchContainer)
	case 1:
		return found[0], nil
	}
	return host.Info{}, fmt.Errorf("container %s: the IDs of %d containers begin so: give more of it", name, len(found))
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

func exactlyOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage("%q needs one %s, got %d arguments", c.CommandPath(), what, len(args))
		}
		return nil
	}
}
