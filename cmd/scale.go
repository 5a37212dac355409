package cmd

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

func (a *app) scaleCommand() *cobra.Command {
	f := upFlags{noRecreate: true}
	c := &cobra.Command{
		Use:   "scale [OPTIONS] SERVICE=REPLICAS...",
		Short: "Scale services",
		Long: "Creates and starts containers, or removes them, until each of the services has as many as asked for. Containers that\n" +
			"are there are not replaced. The next `gocompose up` goes by the Compose file again.",
		Example: "  gocompose scale web=3 worker=5",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("%q needs at least one SERVICE=REPLICAS, as in web=3", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			for _, arg := range args {
				if _, err := parseScale([]string{arg}); err != nil {
					return usage("invalid scale specifier %q: SERVICE=REPLICAS, as in web=3", arg)
				}
			}
			f.scale = args
			if err := f.complete(a, c); err != nil {
				return err
			}
			scale, err := parseScale(args)
			if err != nil {
				return err
			}
			change, err := f.change(slices.Sorted(maps.Keys(scale)))
			if err != nil {
				return err
			}
			change.title = "scale"
			return a.change(c.Context(), change)
		},
	}
	c.Flags().BoolVarP(&f.yes, "yes", "y", false, yesUsage)
	f.trust.add(c.Flags())
	c.Flags().BoolVar(&f.noDeps, "no-deps", false, "Don't start linked services")
	return c
}
