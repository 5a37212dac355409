package cmd

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
)

func (a *app) downCommand() *cobra.Command {
	var volumes, removeOrphans bool
	var seconds int
	var rmi string
	c := &cobra.Command{
		Use:   "down [OPTIONS] [SERVICES]",
		Short: "Stop and remove containers, networks",
		Long: "Stops and removes the project's containers and networks. Volumes, which hold your data, stay unless\n" +
			"--volumes is given. Images stay unless --rmi is: all are those of the services, local those that are built and that\n" +
			"the file gives no name. What containers of other projects have stays too. Without a Compose file the project is\n" +
			"named by -p.",
		Example: "gocompose down\n" +
			"gocompose down --rmi all --volumes",
		RunE: func(c *cobra.Command, services []string) error {
			within, err := grace(c, seconds)
			if err != nil {
				return err
			}
			if !slices.Contains([]string{"", "local", "all"}, rmi) {
				return usage("--rmi is %q: want local or all", rmi)
			}
			opt := planner.Options{
				Images:        planner.ImagesPolicy(rmi),
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
	f.StringVar(&rmi, "rmi", "", `Remove images used by services. "local" remove only images that don't have a custom tag ("local"|"all")`)
	f.IntVarP(&seconds, "timeout", "t", 0, "Specify a shutdown timeout in seconds")
	return c
}

// downWith is the change of taking a project away.
func downWith(opt planner.Options) change {
	c := toExisting("down", planner.Down, opt)
	c.removes, c.runsProviders = true, true
	c.instead = "`gocompose down` with -p and without the files runs no program of theirs"
	c.images = opt.Images != planner.ImagesStay
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
