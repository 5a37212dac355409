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
			return a.change(c.Context(), downWith(opt))
		},
	}
	f := c.Flags()
	f.BoolVarP(&volumes, "volumes", "v", false, `Remove named volumes declared in the "volumes" section of the Compose file and anonymous volumes attached to containers`)
	f.BoolVar(&removeOrphans, "remove-orphans", false, "Remove containers for services not defined in the Compose file")
	f.IntVarP(&seconds, "timeout", "t", 0, "Specify a shutdown timeout in seconds")
	return c
}

// downWith is the change of taking a project away.
func downWith(opt planner.Options) change {
	c := toExisting("down", planner.Down, opt)
	c.removes = true
	c.hide = anonymousVolumes
	return c
}

// toExisting is a change to what exists, whatever made it, as the planner's
// function decides.
func toExisting(title string, decide planning, opt planner.Options) change {
	return change{
		title:    title,
		fileless: true,
		load:     existing,
		plan: func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
			return decide(p, obs, opt)
		},
	}
}

// planning is how the planner decides.
type planning func(*project.Project, planner.Observed, planner.Options) (*planner.Plan, error)

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
