package cmd

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	var format string
	var short bool
	c := &cobra.Command{
		Use:     "version [OPTIONS]",
		Short:   "Show the gocompose version information",
		Long:    "Prints the version of gocompose: its own, not that of docker compose which it is like.",
		Example: "gocompose version --short\ngocompose version --format json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.printVersion(format, short)
		},
	}
	c.Flags().StringVarP(&format, "format", "f", "", "Format the output. Values: [pretty | json]. (Default: pretty)")
	c.Flags().BoolVar(&short, "short", false, "Shows only gocompose's version number")
	return c
}

func (a *app) printVersion(format string, short bool) error {
	switch {
	case short:
		fmt.Fprintln(a.Out, a.version)
	case format == "json":
		return json.NewEncoder(a.Out).Encode(map[string]string{"version": a.version})
	case format == "" || format == "pretty":
		fmt.Fprintf(a.Out, "gocompose version %s\n", a.version)
	default:
		return usage("unknown format %q: pretty or json", format)
	}
	return nil
}
