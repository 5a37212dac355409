package cmd

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
)

type buildFlags struct {
	args                      []string
	noCache, pull, push       bool
	quiet, deps, print, check bool
	debug, yes                bool
	ssh, provenance, sbom     string
	builder, memory, progress string
}

func (a *app) buildCommand() *cobra.Command {
	var f buildFlags
	c := &cobra.Command{
		Use:   "build [OPTIONS] [SERVICE...]",
		Short: "Build or rebuild services",
		Long: "Builds the images of the services that have a `build`, each once: in parallel, but for those that begin with an image\n" +
			"which another service of the file makes. What has not changed is taken from the cache. Services that are named under\n" +
			"additional_contexts are built too. `gocompose up` makes containers of what was built; it builds by itself what is not\n" +
			"here yet, and with --build everything.\n\n" +
			"A step that fails is shown with its place in the Dockerfile and what it printed last.",
		Example: "gocompose build\n" +
			"gocompose build --pull --no-cache web\n" +
			"gocompose build --build-arg VERSION=2 --push web",
		RunE: func(c *cobra.Command, services []string) error { return a.build(c.Context(), f, services) },
	}
	fs := c.Flags()
	fs.StringArrayVar(&f.args, "build-arg", nil, "Set build-time variables for services")
	fs.StringVar(&f.builder, "builder", "", "Set builder to use: there is one, which is called default")
	fs.BoolVar(&f.check, "check", false, "Check build configuration")
	fs.BoolVar(&f.debug, "debug", false, "Open a shell in the container as it was before the first step that fails")
	fs.StringVarP(&f.memory, "memory", "m", "", "Set memory limit for the build container. Not supported by BuildKit.")
	fs.BoolVar(&f.noCache, "no-cache", false, "Do not use cache when building the image")
	fs.BoolVar(&f.print, "print", false, "Print equivalent bake file")
	fs.StringVar(&f.progress, "progress", "", "Set type of ui output (auto, tty, plain, json, rawjson, quiet)")
	fs.StringVar(&f.provenance, "provenance", "", "Add a provenance attestation")
	fs.BoolVar(&f.pull, "pull", false, "Always attempt to pull a newer version of the image")
	fs.BoolVar(&f.push, "push", false, "Push service images")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Suppress the build output")
	fs.StringVar(&f.sbom, "sbom", "", "Add a SBOM attestation")
	fs.StringVar(&f.ssh, "ssh", "", "Set SSH authentications used when building service images. (use 'default' for using your default SSH Agent)")
	fs.BoolVarP(&f.yes, "yes", "y", false, yesUsage)
	fs.BoolVar(&f.deps, "with-dependencies", false, "Also build dependencies (transitively)")
	var compress, forceRm, noRm, parallel bool
	fs.BoolVar(&compress, "compress", true, "Does nothing: the context does not travel")
	fs.BoolVar(&forceRm, "force-rm", true, "Does nothing: there are no intermediate containers that stay")
	fs.BoolVar(&noRm, "no-rm", false, "Does nothing: there are no intermediate containers that stay")
	fs.BoolVar(&parallel, "parallel", true, "Does nothing: images are built in parallel; `gocompose --parallel N` sets how many at once")
	hide(c, "compress", "force-rm", "no-rm", "parallel", "progress")
	return c
}

func (a *app) build(ctx context.Context, f buildFlags, services []string) error {
	c, err := f.change(a, services)
	if err != nil {
		return err
	}
	switch {
	case f.print:
		return a.printBake(ctx, c)
	case f.check:
		return a.checkBuilds(ctx, c)
	case f.debug && !a.globals.dryRun:
		c.builds.debug = &debugging{app: a}
		a.globals.parallel = 1 // there is one terminal
		err := a.change(ctx, c)
		return errors.Join(c.builds.debug.end(), err)
	}
	return a.change(ctx, c)
}

// change is what the flags ask for.
func (f *buildFlags) change(a *app, services []string) (change, error) {
	over, err := f.overlay(a)
	if err != nil {
		return change{}, err
	}
	c := ofImages("build", services, f.deps)
	load := c.load
	c.load = func(o *loader.Options) {
		load(o)
		o.Build = over
	}
	c.plan = func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
		return planner.BuildServices(p, obs, planner.Options{Push: f.push})
	}
	c.observe = func(ctx context.Context, h *host.Host, p *project.Project) (planner.Observed, error) {
		if !planner.BuildsByImages(p) {
			return planner.Observed{}, nil
		}
		return h.ObserveImages(ctx, p)
	}
	c.builds.alone, c.yes = true, f.yes
	if f.progress == "" {
		f.progress = a.getenv("BUILDKIT_PROGRESS")
	}
	if err := f.look(a, &c); err != nil {
		return change{}, err
	}
	return c, nil
}

// look says how it is shown.
func (f *buildFlags) look(a *app, c *change) error {
	switch {
	case f.quiet:
		c.hide, c.builds.mode = anything, "quiet"
	case f.progress == "rawjson": // BuildKit's own stream, and nothing else
		c.hide, c.builds.mode = anything, f.progress
	case f.progress != "":
		if !slices.Contains(modes, f.progress) {
			return usage("unsupported --progress value %q: %s, rawjson", f.progress, strings.Join(modes, ", "))
		}
		a.globals.progress = f.progress
	}
	return nil
}

// overlay is what of the flags is laid over the builds of the files.
func (f *buildFlags) overlay(a *app) (*loader.BuildFlags, error) {
	if f.builder != "" && f.builder != "default" {
		return nil, usage("--builder %s: there is one builder here, gocompose's own: leave it out", f.builder)
	}
	if f.memory != "" {
		if n, err := units.RAMInBytes(f.memory); err != nil {
			return nil, usage("--memory is %q: want a size like 512m", f.memory)
		} else if n > 0 {
			a.warn("--memory has no effect: BuildKit sets no limit for its steps")
		}
	}
	over := &loader.BuildFlags{Args: f.args, NoCache: f.noCache, Pull: f.pull, Provenance: f.provenance, SBOM: f.sbom}
	if f.ssh == "" {
		return over, nil
	}
	id, list, given := strings.Cut(f.ssh, "=")
	if !given && id != "default" {
		return nil, usage("invalid ssh key %q: want default, or ID=PATH", f.ssh)
	}
	key := project.BuildSSH{ID: id}
	for _, path := range strings.Split(list, ",") {
		if path == "" {
			continue
		}
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		key.Paths = append(key.Paths, path)
	}
	over.SSH = []project.BuildSSH{key}
	return over, nil
}
