package cmd

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/supervisor"
)

// supervisorCommand is what gocompose starts itself as. It is not for people.
func (a *app) supervisorCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "supervisor",
		Short:  "Serve names and hold ports of running containers",
		Hidden: true,
		Args:   noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.hostConfig()
			if err != nil {
				return err
			}
			err = host.Supervise(c.Context(), cfg, a.version)
			if errors.Is(err, supervisor.ErrRunning) {
				return nil
			}
			return err
		},
	}
}
