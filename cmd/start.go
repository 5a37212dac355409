package cmd

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func (a *app) startCommand() *cobra.Command {
	var opt planner.Options
	var seconds int
	c := &cobra.Command{
		Use:   "start [OPTIONS] [SERVICE...]",
		Short: "Start services",
		Long: "Starts containers that exist and do not run, and what they depend on. Nothing is created: that is `gocompose up`.\n" +
			"Restart policies that `gocompose stop` or `gocompose kill` have put to rest take effect again.",
		Example: "gocompose start\ngocompose start --wait --wait-timeout 60 db",
		RunE: func(c *cobra.Command, services []string) error {
			switch {
			case seconds < 0:
				return usage("--wait-timeout must be a non-negative integer")
			case seconds > 0 && !opt.Wait:
				return usage("--wait-timeout needs --wait")
			}
			opt.Nonce, opt.Selected = nonce(), services
			return a.change(c.Context(), change{
				title:    "start",
				fileless: true,
				services: services,
				load:     existingWithContents,
				contents: a.lostContents,
				patience: time.Duration(seconds) * time.Second,
				plan: func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
					return planner.Start(p, obs, opt)
				},
			})
		},
	}
	c.Flags().BoolVar(&opt.Wait, "wait", false, "Wait for services to be running|healthy")
	c.Flags().IntVar(&seconds, "wait-timeout", 0, "Maximum duration in seconds to wait for the project to be running|healthy")
	return c
}
