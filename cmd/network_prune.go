package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/project"
)

func (a *app) networkPruneCommand() *cobra.Command {
	var force bool
	var filter []string
	c := &cobra.Command{
		Use:   "prune [OPTIONS]",
		Short: "Remove all unused networks",
		Long: "Removes the networks that no container belongs to, running or not. It names them and asks before, unless --force\n" +
			"is given; no answer is no.",
		Example:           "  gocompose network prune --filter until=24h",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			filters, err := newNetworkFilters(filter, []string{"label", "label!", "until"}, time.Now())
			if err != nil {
				return err
			}
			return a.networkPrune(c.Context(), filters, force)
		},
	}
	c.Flags().StringArrayVar(&filter, "filter", nil, `Provide filter values (e.g. "until=24h"): label, label!, until`)
	c.Flags().BoolVarP(&force, "force", "f", false, "Do not prompt for confirmation")
	return c
}

func (a *app) networkPrune(ctx context.Context, filters filters[host.Network], force bool) error {
	steps, err := a.networkKind().change(ctx, networkChange{
		title: "network prune",
		decide: func(all []host.Network) networkSteps {
			return networkSteps{remove: unused(all, filters)}
		},
		confirm: func(s networkSteps) (bool, error) {
			if s.empty() {
				fmt.Fprintln(a.Err, "No unused networks")
				return false, nil
			}
			fmt.Fprintf(a.Err, "Going to remove %s\n", strings.Join(a.networkKind().names(s.remove), ", "))
			if force {
				return true, nil
			}
			return a.ask(ctx, "Are you sure you want to continue?")
		},
	})
	gone, lerr := a.networkKind().gone(ctx, steps)
	if len(gone) > 0 {
		fmt.Fprintf(a.Out, "Deleted Networks:\n%s\n", strings.Join(gone, "\n"))
	}
	return errors.Join(err, lerr)
}

// unused are the networks without containers that the filters accept. The host's
// own bridge goes with its last container anyway.
func unused(all []host.Network, filters filters[host.Network]) []project.Network {
	var out []project.Network
	for _, n := range all {
		if len(n.Attached)+len(n.Users) == 0 && !builtin(n) && filters.accept(n) {
			out = append(out, n.Network)
		}
	}
	return out
}
