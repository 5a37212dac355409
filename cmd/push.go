package cmd

import (
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func (a *app) pushCommand() *cobra.Command {
	var lenient, deps, quiet, yes bool
	c := &cobra.Command{
		Use:   "push [OPTIONS] [SERVICE...]",
		Short: "Push service images",
		Long: "Sends the images of the services that have both build and image, and the tags of their build sections, to the\n" +
			"registries in their names; layers that these have are not sent again. An image for several platforms of which not all\n" +
			"are here is pushed for this host's alone. Other images are pushed by `gocompose image push`.",
		Example: "gocompose push\n" +
			"gocompose push --ignore-push-failures web",
		RunE: func(c *cobra.Command, services []string) error {
			opt := planner.Options{Lenient: lenient}
			push := ofImages("push", services, deps)
			push.yes = yes
			push.plan = func(p *project.Project, _ planner.Observed) (*planner.Plan, error) {
				return planner.PushServices(p, opt), nil
			}
			if quiet {
				push.hide = anything
			}
			return a.change(c.Context(), push)
		},
	}
	fs := c.Flags()
	fs.BoolVar(&lenient, "ignore-push-failures", false, "Push what it can and ignores images with push failures")
	fs.BoolVar(&deps, "include-deps", false, "Also push images of services declared as dependencies")
	fs.BoolVarP(&quiet, "quiet", "q", false, "Push without printing progress information")
	fs.BoolVarP(&yes, "yes", "y", false, yesUsage)
	return c
}
