package cmd

import (
	"github.com/moby/sys/signal"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
)

func (a *app) killCommand() *cobra.Command {
	var opt planner.Options
	c := &cobra.Command{
		Use:   "kill [OPTIONS] [SERVICE...]",
		Short: "Force stop service containers",
		Long: "Ends running containers at once, or sends them another signal. SIGKILL and a container's own stop signal have its\n" +
			"restart policy rest, as `gocompose stop` does; after other signals it is started again when it ends.",
		Example: "  gocompose kill\n" +
			"  gocompose kill -s SIGHUP proxy",
		RunE: func(c *cobra.Command, services []string) error {
			opt.Selected = services
			if _, err := signal.ParseSignal(opt.Signal); err != nil {
				return usage("--signal: there is no signal %q: a name or a number, as in SIGHUP, HUP or 1", opt.Signal)
			}
			opt.RemoveOrphans = a.removeOrphans(c, opt.RemoveOrphans)
			return a.change(c.Context(), toExisting("kill", planner.Kill, opt))
		},
	}
	c.Flags().StringVarP(&opt.Signal, "signal", "s", "SIGKILL", "SIGNAL to send to the container")
	c.Flags().BoolVar(&opt.RemoveOrphans, "remove-orphans", false, "Remove containers for services not defined in the Compose file")
	return c
}
