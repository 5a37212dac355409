package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
)

type pullFlags struct {
	policy                                       string
	ignoreBuildable, ignoreFailures, deps, quiet bool
	parallel, noParallel, yes                    bool
	trust                                        trustFlags
}

func (a *app) pullCommand() *cobra.Command {
	var f pullFlags
	c := &cobra.Command{
		Use:   "pull [OPTIONS] [SERVICE...]",
		Short: "Pull service images",
		Long: "Asks the registries for the images of the services, and fetches what has changed or is not here; nothing is\n" +
			"started. Services with pull_policy: never or build are left out, and with missing or if_not_present those whose\n" +
			"image is here, unless its tag is latest. What cannot be pulled is named, and the others are pulled all the same; of a\n" +
			"service with a build section that is only a warning.",
		Example: "gocompose pull\n" +
			"gocompose pull --policy missing --include-deps web",
		RunE: func(c *cobra.Command, services []string) error {
			f.trust.complete(a, c.Flags())
			return a.pull(c.Context(), f, services)
		},
	}
	fs := c.Flags()
	f.trust.add(fs)
	fs.BoolVar(&f.ignoreBuildable, "ignore-buildable", false, "Ignore images that can be built")
	fs.BoolVar(&f.ignoreFailures, "ignore-pull-failures", false, "Pull what it can and ignores images with pull failures")
	fs.BoolVar(&f.deps, "include-deps", false, "Also pull services declared as dependencies")
	fs.StringVar(&f.policy, "policy", "", `Apply pull policy ("missing"|"always")`)
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Pull without printing progress information")
	fs.BoolVarP(&f.yes, "yes", "y", false, yesUsage)
	fs.BoolVar(&f.parallel, "parallel", true, "Does nothing: images are pulled in parallel; `gocompose --parallel N` sets how many at once")
	fs.BoolVar(&f.noParallel, "no-parallel", true, "Does nothing: use `gocompose --parallel 1 pull` for one at a time")
	hide(c, "parallel", "no-parallel")
	return c
}

func (a *app) pull(ctx context.Context, f pullFlags, services []string) error {
	opt := planner.Options{Lenient: f.ignoreFailures, NoBuilt: f.ignoreBuildable}
	switch f.policy {
	case "":
	case "missing", "always":
		opt.Pull = &project.PullPolicy{When: pullPolicies()[f.policy], Written: f.policy}
	default:
		return usage("--policy is %q: want missing or always", f.policy)
	}
	var unbuilt []string
	var wanted *project.Project
	c := ofImages("pull", services, f.deps)
	c.yes = f.yes
	of := c.load
	c.load = func(o *loader.Options) {
		of(o)
		f.trust.load(o)
	}
	c.plan = func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
		wanted = p
		return planner.PullServices(p, obs, opt), nil
	}
	c.events = func(e executor.Event) { unbuilt = append(unbuilt, toBuild(wanted, e)...) }
	if f.quiet {
		c.hide = anything
	}
	if err := a.change(ctx, c); err != nil {
		return err
	}
	if slices.Sort(unbuilt); len(unbuilt) > 0 {
		a.warn(fmt.Sprintf("Some service image(s) must be built from source by running: gocompose build %s",
			strings.Join(slices.Compact(unbuilt), " ")))
	}
	return nil
}

// toBuild are the services whose image was not pulled, and could be built.
func toBuild(p *project.Project, e executor.Event) []string {
	op, ok := e.Op.(planner.PullImage)
	if !ok || e.Phase != executor.Warned {
		return nil
	}
	var names []string
	for _, s := range p.Services {
		if s.Build != nil && s.Template.WantedImage() == op.Image() {
			names = append(names, s.Name)
		}
	}
	return names
}

// ofImages is a change that is only about the images of services: whatever else the files
// say of these does not matter, and what they depend on does if it is asked for.
func ofImages(title string, services []string, deps bool) change {
	return change{title: title, services: services, uses: true, load: func(o *loader.Options) {
		o.Existing = true
		o.NoDeps = !deps
	}}
}

func anything(planner.Op) bool { return true }
