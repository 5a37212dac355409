package cmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

func (a *app) containerInspectCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "inspect [OPTIONS] CONTAINER [CONTAINER...]",
		Short: "Display detailed information on one or more containers",
		Long: "Shows what `gocompose inspect` shows of services' containers, in the same form, which is not docker's. The values\n" +
			"of environment variables are among it.",
		Example:           "gocompose container inspect shop-db-1\ngocompose container inspect --format '{{.State.Status}}' shop-db-1",
		Args:              atLeastOne("CONTAINER"),
		ValidArgsFunction: a.completeContainers,
		RunE: func(c *cobra.Command, names []string) error {
			return a.containerInspect(c.Context(), format, names)
		},
	}
	c.Flags().StringVarP(&format, "format", "f", "json", "Format the output: json, or a Go template that is printed for each container")
	return c
}

// containerInspect shows the containers that there are, even when not all are.
func (a *app) containerInspect(ctx context.Context, format string, names []string) error {
	if _, err := inspectionRows(format); err != nil {
		return err
	}
	all, err := a.allContainers(ctx)
	if err != nil {
		return err
	}
	var found []host.Info
	var errs []error
	for _, name := range names {
		i, err := containerNamed(all, name)
		if err == nil {
			found = append(found, i)
		}
		errs = append(errs, err)
	}
	inspected, err := a.inspections(found)
	if err != nil {
		return err
	}
	return errors.Join(append(errs, a.printInspections(inspected, format))...)
}
