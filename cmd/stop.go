package cmd

import (
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
)

func (a *app) stopCommand() *cobra.Command {
	var seconds int
	c := &cobra.Command{
		Use:   "stop [OPTIONS] [SERVICE...]",
		Short: "Stop services",
		Long: "Stops running containers without removing them, and has their restart policies rest. They can be started again with\n" +
			"`gocompose start`.",
		Example: "gocompose stop\ngocompose stop -t 30 db",
		RunE: func(c *cobra.Command, services []string) error {
			within, err := grace(c, seconds)
			if err != nil {
				return err
			}
			opt := planner.Options{Selected: services, Timeout: within}
			return a.change(c.Context(), toExisting("stop", planner.Stop, opt))
		},
	}
	c.Flags().IntVarP(&seconds, "timeout", "t", 0, "Specify a shutdown timeout in seconds")
	return c
}
