package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/host"
)

type builderPruneFlags struct {
	all, force, verbose        bool
	filter                     []string
	keep, reserved, used, free string
}

func (a *app) builderPruneCommand() *cobra.Command {
	var f builderPruneFlags
	c := &cobra.Command{
		Use:   "prune [OPTIONS]",
		Short: "Remove build cache",
		Long: "Removes what is kept for builds to come and no build that goes on has; what BuildKit itself needs, such as the frontends\n" +
			"of Dockerfiles, only with --all. It names all and asks before, unless --force is given; no answer is no. With one of\n" +
			"the sizes no more goes than has to, what was not used for longest first.",
		Example: "gocompose builder prune --filter until=48h\n" +
			"gocompose builder prune --all --force --max-used-space 10GB",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := newCachePruner(f, time.Now())
			if err != nil {
				return err
			}
			return a.builderPrune(c.Context(), p)
		},
	}
	fs := c.Flags()
	fs.BoolVarP(&f.all, "all", "a", false, "Include internal/frontend images")
	fs.StringArrayVar(&f.filter, "filter", nil, `Provide filter values (e.g. "until=24h"): `+cacheFilters)
	fs.BoolVarP(&f.force, "force", "f", false, "Do not prompt for confirmation")
	fs.StringVar(&f.keep, "keep-storage", "", "Amount of disk space to keep for cache: the same as --reserved-space")
	fs.StringVar(&f.reserved, "reserved-space", "", "Amount of disk space always allowed to keep for cache")
	fs.StringVar(&f.used, "max-used-space", "", "Maximum amount of disk space allowed to keep for cache")
	fs.StringVar(&f.free, "min-free-space", "", "Target amount of free disk space after pruning")
	fs.BoolVar(&f.verbose, "verbose", false, "Provide a more verbose output")
	return c
}

// cachePruner decides what of the build cache goes.
type cachePruner struct {
	builderPruneFlags
	accepted filters[buildkit.CacheRecord]
	sizes    buildkit.Prune
}

func newCachePruner(f builderPruneFlags, now time.Time) (p cachePruner, err error) {
	p.builderPruneFlags = f
	if p.accepted, err = newCacheFilters(f.filter, now); err != nil {
		return p, err
	}
	if f.keep != "" && f.reserved != "" {
		return p, usage("--keep-storage and --reserved-space say the same: leave one out")
	}
	for _, size := range []struct {
		flag, text string
		to         *int64
	}{
		{"keep-storage", f.keep, &p.sizes.Reserved}, {"reserved-space", f.reserved, &p.sizes.Reserved},
		{"max-used-space", f.used, &p.sizes.MaxUsed}, {"min-free-space", f.free, &p.sizes.MinFree},
	} {
		if size.text == "" {
			continue
		}
		n, err := units.RAMInBytes(size.text)
		if err != nil || n < 0 {
			return p, usage("--%s is %q: want a size like 10GB", size.flag, size.text)
		}
		*size.to = n
	}
	return p, nil
}

// some tells whether a size keeps some of what could go.
func (p cachePruner) some() bool { return p.sizes.Reserved+p.sizes.MaxUsed+p.sizes.MinFree > 0 }

// decide says which records go, or may go.
func (p cachePruner) decide(all []buildkit.CacheRecord) []buildkit.CacheRecord {
	return slices.DeleteFunc(slices.Clone(all), func(r buildkit.CacheRecord) bool {
		needed := r.Type == "internal" || r.Type == "frontend"
		return r.InUse || needed && !p.all || !p.accepted.accept(r)
	})
}

// prune is what is asked of BuildKit: nothing but what was named, and is unused still.
func (p cachePruner) prune(named []buildkit.CacheRecord) buildkit.Prune {
	what := p.sizes
	what.All = true // those that are left alone without it are not among the named
	for _, r := range named {
		what.Filters = append(what.Filters, "id=="+r.ID) // one that any of them accepts goes
	}
	return what
}

func (a *app) builderPrune(ctx context.Context, p cachePruner) error {
	h, err := a.openExisting(ctx)
	if err != nil {
		return err
	}
	if h == nil {
		return a.nothingCached()
	}
	defer h.Close()
	all, err := h.BuildCache(ctx)
	if err != nil {
		return err
	}
	named := p.decide(all)
	if len(named) == 0 {
		return a.nothingCached()
	}
	a.nameCache(named, p.some())
	if a.globals.dryRun {
		return nil
	}
	if !p.force {
		if yes, err := a.ask(ctx, cacheWarning(p)+"Are you sure you want to continue?"); !yes || err != nil {
			return err
		}
	}
	gone, freed, err := a.pruneCache(ctx, h, p.prune(named))
	a.writeCacheGone(gone)
	if p.verbose {
		for _, r := range gone {
			writeCacheRecord(a.Out, newCacheRow(r))
		}
	}
	if err == nil {
		_, err = fmt.Fprintf(a.Out, "Total reclaimed space: %s\n", sizeText(freed))
	}
	return err
}

func (a *app) nothingCached() error {
	fmt.Fprintln(a.Err, "No unused build cache")
	if !a.globals.dryRun {
		fmt.Fprintf(a.Out, "Total reclaimed space: %s\n", sizeText(0))
	}
	return nil
}

// nameCache names records that are going to be removed, or of which some are.
func (a *app) nameCache(named []buildkit.CacheRecord, some bool) {
	text := "Going to remove of the build cache"
	if some {
		text += " as many of these as has to be, those that were not used for longest first"
	}
	fmt.Fprintln(a.Err, text+":")
	for _, r := range named {
		fmt.Fprintf(a.Err, "  %s  %s, %s", r.ID, r.Type, sizeText(r.Size))
		if r.Description != "" {
			fmt.Fprintf(a.Err, ", %s", truncate(strings.Join(strings.Fields(r.Description), " "), maxDescription, false))
		}
		fmt.Fprintln(a.Err)
	}
}

// maxDescription is how much of a step's command is shown.
const maxDescription = 80

func cacheWarning(p cachePruner) string {
	if p.all {
		return "WARNING! This will remove all build cache.\n"
	}
	return "WARNING! This will remove all dangling build cache.\n"
}

// pruneCache takes records away, and measures what is not stored any more.
func (a *app) pruneCache(ctx context.Context, h *host.Host, what buildkit.Prune) (gone []buildkit.CacheRecord, freed int64, err error) {
	before, err := h.Images().Stored(ctx)
	if err != nil {
		return nil, 0, err
	}
	gone, err = h.PruneBuildCache(ctx, what)
	after, serr := h.Images().Stored(context.WithoutCancel(ctx))
	if err = errors.Join(err, serr); err != nil {
		return gone, 0, err
	}
	return gone, without(before.Parts, after.Parts), nil
}

// writeCacheGone writes what has gone, as docker does.
func (a *app) writeCacheGone(gone []buildkit.CacheRecord) {
	if len(gone) == 0 {
		return
	}
	fmt.Fprintln(a.Out, "Deleted build cache objects:")
	for _, r := range gone {
		fmt.Fprintln(a.Out, r.ID)
	}
	fmt.Fprintln(a.Out)
}
