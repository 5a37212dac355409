package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/project"
)

func (a *app) volumeRemoveCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:     "rm [OPTIONS] VOLUME [VOLUME...]",
		Aliases: []string{"remove"},
		Short:   "Remove one or more volumes",
		Long: "Removes volumes by name, with all their data, also those of projects, and prints those that have gone. What the\n" +
			"options of a volume say is mounted on it stays as it is. One that a container has, running or not, stays, and the\n" +
			"others go.",
		Example:           "  gocompose volume rm data",
		Args:              atLeastOne("VOLUME"),
		ValidArgsFunction: a.volumeKind().complete,
		RunE: func(c *cobra.Command, names []string) error {
			return a.volumeRemove(c.Context(), names, force)
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "Force the removal of one or more volumes")
	return c
}

func (a *app) volumeRemove(ctx context.Context, names []string, force bool) error {
	steps, err := a.volumeKind().change(ctx, volumeChange{
		title:  "volume rm",
		decide: func(all []host.Volume) volumeSteps { return volumeRemovals(all, names, force) },
	})
	gone, lerr := a.volumeKind().gone(ctx, steps)
	for _, name := range gone {
		fmt.Fprintln(a.Out, name)
	}
	return errors.Join(err, steps.refused, lerr)
}

// volumeRemovals says which of the named volumes go, each once. Force is for those
// that are not there: no data goes that a container has.
func volumeRemovals(all []host.Volume, names []string, force bool) (s volumeSteps) {
	var errs []error
	for _, name := range names {
		v, err := volumeNamed(all, name)
		switch {
		case errors.Is(err, errNotFound) && force:
		case err != nil:
			errs = append(errs, err)
		case len(v.Users) > 0:
			errs = append(errs, fmt.Errorf("volume %s is in use by %s: remove them first", name, strings.Join(v.Users, ", ")))
		case !slices.ContainsFunc(s.remove, func(r project.Volume) bool { return r.Name == name }):
			s.remove = append(s.remove, v.Volume.Volume)
		}
	}
	s.refused = errors.Join(errs...)
	return s
}
