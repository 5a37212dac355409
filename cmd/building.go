package cmd

import (
	"context"
	"io"

	"github.com/spf13/pflag"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/view"
)

// buildWishes are flags about building of commands that also do something else.
type buildWishes struct{ build, noBuild, quiet bool }

func (f *buildWishes) add(fs *pflag.FlagSet) {
	fs.BoolVar(&f.build, "build", false, "Build images before starting containers")
}

func (f *buildWishes) addNoBuild(fs *pflag.FlagSet) {
	fs.BoolVar(&f.noBuild, "no-build", false, "Don't build an image, even if it's policy")
}

func (f *buildWishes) addQuiet(fs *pflag.FlagSet) {
	fs.BoolVar(&f.quiet, "quiet-build", false, "Suppress the build output")
}

func (f *buildWishes) check() error {
	if f.build && f.noBuild {
		return usage("--build and --no-build are incompatible")
	}
	return nil
}

func (f *buildWishes) policy() planner.BuildPolicy {
	switch {
	case f.build:
		return planner.BuildAlways
	case f.noBuild:
		return planner.BuildNever
	}
	return planner.BuildMissing
}

// builds say how a change's builds are shown.
type builds struct {
	mode string // of buildkit.NewDisplay; empty: as other progress
	// debug, when set, is told of a step that fails.
	debug *debugging
	// alone: nothing else is done.
	alone bool
}

func (f *buildWishes) shown() builds {
	if f.quiet {
		return builds{mode: "quiet"}
	}
	return builds{}
}

// buildMode is how the builds of a plan are shown. Where they have a terminal with
// others they are steps like those.
func (b builds) buildMode(mode view.Mode, alone bool) string {
	switch {
	case b.mode != "":
		return b.mode
	case mode == view.ModeTTY && !alone:
		return "quiet"
	case mode == view.ModeJSON:
		return "rawjson"
	}
	return string(mode)
}

// displayed returns the host with a display for the builds of a plan, and what ends
// that. Alone says that the plan does nothing else.
func (a *app) displayed(ctx context.Context, h *host.Host, c change, plan *planner.Plan, w io.Writer, mode view.Mode) (*host.Host, func() error, error) {
	n := plan.Builds()
	if n == 0 {
		return h, func() error { return nil }, nil
	}
	if c.console != nil && mode == view.ModeTTY {
		w, mode = c.console.Above(w), view.ModePlain
	} else if c.console != nil {
		w = c.console.Beside(w)
	}
	display, err := buildkit.NewDisplay(ctx, w, c.builds.buildMode(mode, n == len(plan.Steps)), n)
	if err != nil {
		return nil, nil, err
	}
	with := host.Builds{Display: display, Stdin: a.In}
	if d := c.builds.debug; d != nil {
		with.Open = func(f *buildkit.Failure) (buildkit.Terminal, error) {
			if err := display.Close(); err != nil {
				return buildkit.Terminal{}, err
			}
			return d.open(f)
		}
	}
	return h.WithBuilds(with), display.Close, nil
}
