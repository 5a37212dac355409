package cmd

import (
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

func (a *app) systemCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "system COMMAND",
		Short: "Look after the engine and the supervisor",
		Args:  knownCommand,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var force bool
	stop := &cobra.Command{
		Use:   "stop [OPTIONS]",
		Short: "Stop gocompose's own processes",
		Long: "Ends the supervisor and the private containerd. They come back with the next command that needs them.\n" +
			"Refused while containers run: stop those first.",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if a.globals.dryRun {
				return errNoDryRun()
			}
			cfg, err := a.hostConfig()
			if err != nil {
				return err
			}
			how := host.Careful
			if force {
				how = host.Forced
			}
			return host.StopSystem(c.Context(), cfg, how, func() {
				a.warn("another command is still running, perhaps logs -f: waiting for it to end")
			})
		},
	}
	stop.Flags().BoolVar(&force, "force", false, "Even while containers run: they go on without names until the next command")
	c.AddCommand(stop)
	return c
}
