package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

type volumePruneFlags struct {
	all, force bool
	filter     []string
}

func (a *app) volumePruneCommand() *cobra.Command {
	var f volumePruneFlags
	c := &cobra.Command{
		Use:   "prune [OPTIONS]",
		Short: "Remove unused local volumes",
		Long: "Removes the anonymous volumes that no container has, running or not, with their data; with --all the named ones\n" +
			"too. It names them and asks before, unless --force is given; no answer is no.",
		Example:           "  gocompose volume prune --all --filter label!=keep",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			filters, err := newVolumeFilters(f.filter, []string{"label", "label!"})
			if err != nil {
				return err
			}
			return a.volumePrune(c.Context(), filters, f)
		},
	}
	fs := c.Flags()
	fs.BoolVarP(&f.all, "all", "a", false, "Remove all unused volumes, not just anonymous ones")
	fs.StringArrayVar(&f.filter, "filter", nil, `Provide filter values (e.g. "label=<label>"): label, label!`)
	fs.BoolVarP(&f.force, "force", "f", false, "Do not prompt for confirmation")
	return c
}

func (a *app) volumePrune(ctx context.Context, filters filters[host.Volume], f volumePruneFlags) error {
	found := map[string]host.Volume{}
	sizes := map[string]int64{}
	steps, err := a.volumeKind().change(ctx, volumeChange{
		title: "volume prune",
		decide: func(all []host.Volume) (s volumeSteps) {
			for _, v := range all {
				if len(v.Users) == 0 && (v.Anonymous || f.all) && filters.accept(v) {
					found[v.Name] = v
					s.remove = append(s.remove, v.Volume.Volume)
				}
			}
			return s
		},
		confirm: func(s volumeSteps) (bool, error) {
			if yes, err := a.confirmPrune(ctx, s, f); !yes || err != nil {
				return false, err
			}
			for _, v := range s.remove {
				size, err := found[v.Name].Size(ctx)
				if err != nil {
					return false, err
				}
				sizes[v.Name] = size
			}
			return true, nil
		},
	})
	gone, lerr := a.volumeKind().gone(ctx, steps)
	if len(gone) > 0 {
		fmt.Fprintf(a.Out, "Deleted Volumes:\n%s\n\n", strings.Join(gone, "\n"))
	}
	if err == nil && !a.globals.dryRun {
		var total int64
		for _, name := range gone {
			total += sizes[name]
		}
		fmt.Fprintf(a.Out, "Total reclaimed space: %s\n", units.HumanSize(float64(total)))
	}
	return errors.Join(err, lerr)
}

func (a *app) confirmPrune(ctx context.Context, s volumeSteps, f volumePruneFlags) (bool, error) {
	if s.empty() {
		fmt.Fprintln(a.Err, "No unused volumes")
		return false, nil
	}
	fmt.Fprintf(a.Err, "Going to remove %s\n", strings.Join(a.volumeKind().names(s.remove), ", "))
	if f.force {
		return true, nil
	}
	which := "anonymous local volumes"
	if f.all {
		which = "all local volumes"
	}
	fmt.Fprintf(a.Err, "WARNING! This will remove %s not used by at least one container.\n", which)
	return a.ask(ctx, "Are you sure you want to continue?")
}
