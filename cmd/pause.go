package cmd

import (
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
)

func (a *app) pauseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pause [SERVICE...]",
		Short: "Pause services",
		Long: "Freezes the processes of running containers: they keep their memory, connections and published ports, and do\n" +
			"nothing until `gocompose unpause`. Health checks rest meanwhile.",
		Example: "gocompose pause\ngocompose pause worker",
		RunE: func(c *cobra.Command, services []string) error {
			return a.change(c.Context(), toExisting("pause", planner.Pause, planner.Options{Selected: services}))
		},
	}
}

func (a *app) unpauseCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "unpause [SERVICE...]",
		Short:   "Unpause services",
		Long:    "Lets containers go on that `gocompose pause` has frozen.",
		Example: "gocompose unpause worker",
		RunE: func(c *cobra.Command, services []string) error {
			return a.change(c.Context(), toExisting("unpause", planner.Unpause, planner.Options{Selected: services}))
		},
	}
}
