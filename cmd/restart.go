package cmd

import (
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
)

func (a *app) restartCommand() *cobra.Command {
	var opt planner.Options
	var seconds int
	c := &cobra.Command{
		Use:   "restart [OPTIONS] [SERVICE...]",
		Short: "Restart service containers",
		Long: "Stops and starts containers that exist, in the order of their dependencies. Services that depend on a named one\n" +
			"with `restart: true` are restarted too. What has changed in the Compose file does not count: `gocompose up` brings\n" +
			"that about.",
		Example: "  gocompose restart\n" +
			"  gocompose restart --timeout 2 db",
		RunE: func(c *cobra.Command, services []string) (err error) {
			opt.Nonce, opt.Selected = nonce(), services
			if opt.Timeout, err = grace(c, seconds); err != nil {
				return err
			}
			again := toExisting("restart", planner.Restart, opt)
			again.load, again.contents = existingWithContents, a.lostContents
			return a.change(c.Context(), again)
		},
	}
	c.Flags().BoolVar(&opt.NoDeps, "no-deps", false, "Don't restart dependent services")
	c.Flags().IntVarP(&seconds, "timeout", "t", 0, "Specify a shutdown timeout in seconds")
	return c
}
