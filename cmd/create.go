package cmd

import "github.com/spf13/cobra"

func (a *app) createCommand() *cobra.Command {
	f := upFlags{noStart: true}
	c := &cobra.Command{
		Use:   "create [OPTIONS] [SERVICE...]",
		Short: "Creates containers for a service",
		Long: "Creates what the Compose file asks for and is not there, as `gocompose up` does, and starts nothing: networks,\n" +
			"volumes, containers. Containers that run and have changed are replaced, and their replacements not started either.",
		Example: "gocompose create\ngocompose create --scale worker=3 worker",
		RunE: func(c *cobra.Command, services []string) error {
			if err := f.complete(a, c); err != nil {
				return err
			}
			change, err := f.change(services)
			if err != nil {
				return err
			}
			change.title = "create"
			return a.change(c.Context(), change)
		},
	}
	fs := c.Flags()
	f.trust.add(fs)
	fs.BoolVar(&f.forceRecreate, "force-recreate", false, "Recreate containers even if their configuration and image haven't changed")
	fs.BoolVar(&f.noRecreate, "no-recreate", false, "If containers already exist, don't recreate them. Incompatible with --force-recreate")
	fs.BoolVar(&f.removeOrphans, "remove-orphans", false, "Remove containers for services not defined in the Compose file")
	fs.StringArrayVar(&f.scale, "scale", nil, "Scale SERVICE to NUM instances. Overrides the scale setting in the Compose file if present")
	fs.StringVar(&f.pull, "pull", "", `Pull image before running ("always"|"missing"|"never"|"build")`)
	fs.BoolVar(&f.quietPull, "quiet-pull", false, "Pull without printing progress information")
	f.building.add(fs)
	f.building.addNoBuild(fs)
	fs.BoolVarP(&f.yes, "yes", "y", false, yesUsage)
	return c
}
