package cmd

import (
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
)

func (a *app) startCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "start [SERVICE...]",
		Short: "Start services",
		Long:  "Starts containers that exist and do not run, and what they depend on. Nothing is created: that is `gocompose up`.",
		RunE: func(c *cobra.Command, services []string) error {
			return a.change(c.Context(), change{
				title:    "start",
				fileless: true,
				services: services,
				load:     func(o *loader.Options) { o.Existing = true },
				plan: func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
					return planner.Start(p, obs, planner.Options{Selected: services})
				},
			})
		},
	}
}
