package cmd

import (
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
)

func (a *app) downCommand() *cobra.Command {
	var volumes, removeOrphans bool
	var seconds int
	c := &cobra.Command{
		Use:   "down [OPTIONS] [SERVICES]",
		Short: "Stop and remove containers, networks",
		Long: "Stops and removes the project's containers and networks. Volumes, which hold your data, stay unless\n" +
			"--volumes is given. Without a Compose file the project is named by -p.",
		RunE: func(c *cobra.Command, services []string) error {
			within, err := grace(c, seconds)
			if err != nil {
				return err
			}
			opt := planner.Options{
				Volumes:       volumes,
				RemoveOrphans: a.removeOrphans(c, removeOrphans),
				Selected:      services,
				Timeout:       within,
			}
			return a.change(c.Context(), change{
				title:    "down",
				fileless: true,
				removes:  true,
				load:     existing,
				hide:     anonymousVolumes,
				plan: func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
					return planner.Down(p, obs, opt)
				},
			})
		},
	}
	f := c.Flags()
	f.BoolVarP(&volumes, "volumes", "v", false, `Remove named volumes declared in the "volumes" section of the Compose file and anonymous volumes attached to containers`)
	f.BoolVar(&removeOrphans, "remove-orphans", false, "Remove containers for services not defined in the Compose file")
	f.IntVarP(&seconds, "timeout", "t", 0, "Specify a shutdown timeout in seconds")
	return c
}

// existing is for commands about what exists, whatever made it.
func existing(o *loader.Options) {
	o.Profiles = []string{"*"}
	o.AllResources = true
	o.Existing = true
}

// anonymousVolumes are known by no name: that they go with their containers is
// no news.
func anonymousVolumes(op planner.Op) bool {
	v, ok := op.(planner.RemoveVolume)
	return ok && v.Volume.Anonymous
}
