package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

func (a *app) networkRemoveCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:     "rm [OPTIONS] NETWORK [NETWORK...]",
		Aliases: []string{"remove"},
		Short:   "Remove one or more networks",
		Long: "Removes networks by name or ID, also those of projects, and prints those that have gone. One that containers\n" +
			"are on stays, and the others go.",
		Example:           "  gocompose network rm backbone",
		Args:              atLeastOne("NETWORK"),
		ValidArgsFunction: a.networkKind().complete,
		RunE: func(c *cobra.Command, names []string) error {
			return a.networkRemove(c.Context(), names, force)
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "Do not error if the network does not exist")
	return c
}

func (a *app) networkRemove(ctx context.Context, names []string, force bool) error {
	asked := map[string]string{} // as it was named, by name
	steps, err := a.networkKind().change(ctx, networkChange{
		title: "network rm",
		decide: func(all []host.Network) networkSteps {
			clear(asked)
			return removals(all, names, force, asked)
		},
	})
	gone, lerr := a.networkKind().gone(ctx, steps)
	for _, name := range gone {
		fmt.Fprintln(a.Out, asked[name])
	}
	return errors.Join(err, steps.refused, lerr)
}

// removals says which of the named networks go, each once, and fills in how each
// was named.
func removals(all []host.Network, names []string, force bool, asked map[string]string) (s networkSteps) {
	var errs []error
	for _, name := range names {
		n, err := networkNamed(all, name)
		switch {
		case errors.Is(err, errNotFound) && force:
		case err != nil:
			errs = append(errs, err)
		case builtin(n):
			errs = append(errs, fmt.Errorf("network %s cannot be removed: it is made when a container needs it, and goes with the last one that does", n.Name))
		case asked[n.Name] == "":
			asked[n.Name] = name
			s.remove = append(s.remove, n.Network)
		}
	}
	s.refused = errors.Join(errs...)
	return s
}
