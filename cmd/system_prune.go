package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/remote"
	"github.com/gocompose/gocompose/view"
)

type systemPruneFlags struct {
	all, volumes, force bool
	filter              []string
}

func (a *app) systemPruneCommand() *cobra.Command {
	var f systemPruneFlags
	c := &cobra.Command{
		Use:   "prune [OPTIONS]",
		Short: "Remove unused data",
		Long: "Removes, of all projects, the containers that do not run, the networks that no container belongs to then, and the\n" +
			"images without a name that none has, with --all also those that have names. The build cache goes as with\n" +
			"`gocompose builder prune`, what killed commands have left, and copies of Compose files from elsewhere that nothing\n" +
			"has mounted and nobody has used for 30 days, or with --all at all; these have no labels. Volumes stay, which hold\n" +
			"your data: with --volumes the anonymous ones go that no container has; `gocompose volume prune --all` is for the others.\n" +
			"All is named before it goes, and it asks, unless --force is given; no answer is no.",
		Example: "gocompose system prune\n" +
			"gocompose system prune --all --force --filter until=24h",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return a.systemPrune(c.Context(), f) },
	}
	fs := c.Flags()
	fs.BoolVarP(&f.all, "all", "a", false, "Remove all unused images not just dangling ones")
	fs.BoolVar(&f.volumes, "volumes", false, "Prune anonymous volumes")
	fs.BoolVarP(&f.force, "force", "f", false, "Do not prompt for confirmation")
	fs.StringArrayVar(&f.filter, "filter", nil, `Provide filter values (e.g. "label=<key>=<value>"): label, label!, until`)
	return c
}

// pruner decides what goes.
type pruner struct {
	systemPruneFlags
	containers filters[host.Info]
	networks   filters[host.Network]
	images     filters[host.Image]
	volumes    filters[host.Volume]
	copies     filters[remote.Kept]
	// named is what may go, as the user has been told; nil: all.
	named identities
}

func newPruner(f systemPruneFlags, now time.Time) (p pruner, err error) {
	p.systemPruneFlags = f
	keys := []string{"label", "label!", "until"}
	if p.containers, err = newFilters(f.filter, keys, func(key, value string) (func(host.Info) bool, error) {
		switch key {
		case "label":
			return func(i host.Info) bool { return hasLabel(i.Labels, value) }, nil
		case "label!":
			return func(i host.Info) bool { return !hasLabel(i.Labels, value) }, nil
		}
		until, err := when(value, now)
		if err == nil && value == "" {
			err = errors.New("want a time, or a duration before now: 24h")
		}
		return func(i host.Info) bool { return i.CreatedAt.Before(until) }, err
	}); err != nil {
		return p, err
	}
	if p.networks, err = newNetworkFilters(f.filter, keys, now); err != nil {
		return p, err
	}
	if p.copies, err = newCopyFilters(f.filter, keys, now); err != nil {
		return p, err
	}
	if p.images, err = newImageFilters(f.filter, keys, nil, now); err != nil || !f.volumes {
		return p, err
	}
	if p.containers.has("until") {
		return p, usage("--filter until is not for volumes, of which nobody knows when they were used last: leave it or --volumes out")
	}
	p.volumes, err = newVolumeFilters(f.filter, keys)
	return p, err
}

// found is all there is.
type found struct {
	containers []host.Info
	networks   []host.Network
	images     []host.Image
	volumes    []host.Volume
}

func look(ctx context.Context, h *host.Host) (f found, err error) {
	if f.containers, err = h.Containers(ctx, ""); err != nil {
		return f, err
	}
	if f.networks, err = h.Networks(ctx); err != nil {
		return f, err
	}
	if f.images, err = h.ListImages(ctx); err != nil {
		return f, err
	}
	f.volumes, err = h.Volumes(ctx)
	return f, err
}

// decide says what goes: what stays or runs keeps what it uses.
func (p pruner) decide(f found) planner.Pruned {
	var out planner.Pruned
	goes := map[string]bool{}
	for _, c := range f.containers {
		if !c.Running() && p.containers.accept(c) && p.mayGo(containerID(c.ID), c.ID) {
			goes[c.Name] = true
			out.Containers = append(out.Containers, c.Container)
		}
	}
	for _, c := range f.containers { // a replacement was interrupted, and one of both stays
		if !slices.ContainsFunc(out.Containers, func(o planner.Container) bool { return o.ID == c.ID }) {
			delete(goes, c.Name)
		}
	}
	kept := func(users []string) []string {
		return slices.DeleteFunc(slices.Clone(users), func(name string) bool { return goes[name] })
	}
	for i, n := range f.networks {
		f.networks[i].Users = kept(n.Users)
		if builtin(n) && len(n.Users) > 0 && len(f.networks[i].Users)+len(n.Attached) == 0 {
			out.Networks = append(out.Networks, n.Network) // the host's bridge goes with its last container
		}
	}
	for i := range f.images {
		f.images[i].Users = kept(f.images[i].Users)
	}
	out.Networks = append(out.Networks, unused(f.networks, p.networks)...)
	out.Images = unusedImages(f.images, p.images, p.all)
	all := f.identities()
	out.Networks = slices.DeleteFunc(out.Networks, func(n project.Network) bool { return !p.mayGo(n.ID(), all[n.ID()]) })
	out.Images = slices.DeleteFunc(out.Images, func(i planner.RemoveImage) bool { return !p.mayGo(i.Target(), all[i.Target()]) })
	for _, v := range f.volumes {
		if !p.mayGo(v.Volume.Volume.ID(), all[v.Volume.Volume.ID()]) {
			continue
		}
		if p.systemPruneFlags.volumes && v.Anonymous && len(kept(v.Users)) == 0 && p.volumes.accept(v) {
			out.Volumes = append(out.Volumes, v.Volume.Volume)
		}
	}
	return out
}

// mayGo tells whether it is among what was named, and still the same.
func (p pruner) mayGo(id project.ID, is string) bool {
	was, named := p.named[id]
	return p.named == nil || named && was == is
}

// within leaves out what is of projects that are not locked.
func within(what planner.Pruned, locked []string) planner.Pruned {
	other := func(name string) bool { return name != "" && !slices.Contains(locked, name) }
	what.Containers = slices.DeleteFunc(what.Containers, func(c planner.Container) bool { return other(c.Spec.Project) })
	what.Networks = slices.DeleteFunc(what.Networks, func(n project.Network) bool { return other(n.Project) })
	what.Volumes = slices.DeleteFunc(what.Volumes, func(v project.Volume) bool { return other(v.Project) })
	return what
}

func projectsIn(what planner.Pruned) []string {
	var names []string
	for _, c := range what.Containers {
		names = append(names, c.Spec.Project)
	}
	for _, n := range what.Networks {
		names = append(names, n.Project)
	}
	for _, v := range what.Volumes {
		names = append(names, v.Project)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (a *app) systemPrune(ctx context.Context, f systemPruneFlags) error {
	p, err := newPruner(f, time.Now())
	if err != nil {
		return err
	}
	h, err := a.openExisting(ctx)
	if err != nil {
		return err
	}
	if h == nil {
		return a.pruneCopies(ctx, p)
	}
	defer h.Close()
	all, err := look(ctx, h)
	if err != nil {
		return err
	}
	what := p.decide(all)
	if !a.globals.dryRun {
		return a.askAndPrune(ctx, h, p, what)
	}
	rest, err := a.loose(ctx, h, p, all)
	if err != nil {
		return err
	}
	a.nameLoose(rest)
	w, opt := a.progress(change{title: "system prune"})
	return view.DryRun(w, planner.Prune(what), opt)
}

// askAndPrune keeps nobody from anything while the user thinks, and then looks again.
func (a *app) askAndPrune(ctx context.Context, h *host.Host, p pruner, what planner.Pruned) error {
	all, what, unlock, err := a.lookLocked(ctx, h, p, what)
	if err != nil {
		return err
	}
	unlock()
	rest, err := a.loose(ctx, h, p, all)
	if err != nil {
		return err
	}
	if what.Empty() && rest.empty() {
		return a.nothingToPrune()
	}
	a.namePruned(what)
	a.nameLoose(rest)
	if !p.force {
		if yes, err := a.ask(ctx, pruneWarning(p.systemPruneFlags)); !yes || err != nil {
			return err
		}
	}
	p.named = all.named(what)
	if all, what, unlock, err = a.lookLocked(ctx, h, p, what); err != nil {
		return err
	}
	err = a.pruneLocked(ctx, h, all, what)
	unlock()
	if err == nil {
		err = a.pruneLoose(ctx, h, &rest)
	}
	if err != nil {
		return err
	}
	return a.writeReclaimed(ctx, h, rest, what)
}

// writeReclaimed writes how much is not there any more of what there was.
func (a *app) writeReclaimed(ctx context.Context, h *host.Host, rest loose, what planner.Pruned) error {
	stored, err := h.Images().Stored(ctx)
	if err != nil {
		return err
	}
	left, err := look(ctx, h)
	if err != nil {
		return err
	}
	n := copySum(rest.copies).size + reclaimed(rest.use, goneOf(what, left), stored.Parts)
	_, err = fmt.Fprintf(a.Out, "Total reclaimed space: %s\n", sizeText(n))
	return err
}

// lookLocked decides about what of those projects nobody else changes until unlock.
func (a *app) lookLocked(ctx context.Context, h *host.Host, p pruner, first planner.Pruned) (found, planner.Pruned, func(), error) {
	locked := projectsIn(first)
	unlock, err := a.lockAll(ctx, locked)
	if err != nil {
		return found{}, planner.Pruned{}, nil, err
	}
	err = h.Sweep(ctx)
	var all found
	if err == nil {
		all, err = look(ctx, h)
	}
	if err != nil {
		unlock()
		return found{}, planner.Pruned{}, nil, err
	}
	return all, within(p.decide(all), locked), unlock, nil
}

func (a *app) nothingToPrune() error {
	fmt.Fprintln(a.Err, "Nothing to remove")
	if !a.globals.dryRun {
		fmt.Fprintf(a.Out, "Total reclaimed space: %s\n", sizeText(0))
	}
	return nil
}

// lockAll keeps others from changing these projects, and what is of none.
func (a *app) lockAll(ctx context.Context, projects []string) (func(), error) {
	where, err := a.paths()
	if err != nil {
		return nil, err
	}
	var held []func()
	unlock := func() {
		for _, u := range held {
			u()
		}
	}
	for _, kind := range []string{"images", "networks", "volumes"} {
		var names []string
		if kind == "volumes" { // the last: kinds come before projects, whoever locks them
			names = projects
		}
		u, err := host.LockResources(ctx, where, kind, names, func(what string) {
			a.warn(fmt.Sprintf("another command is changing %s: waiting for it to end", what))
		})
		if err != nil {
			unlock()
			return nil, err
		}
		held = append(held, u)
	}
	return unlock, nil
}

// pruneLocked has it taken away, and writes what has gone.
func (a *app) pruneLocked(ctx context.Context, h *host.Host, all found, what planner.Pruned) error {
	err := a.apply(ctx, h, planner.Prune(what), change{title: "system prune"})
	left, lerr := look(context.WithoutCancel(ctx), h)
	if lerr == nil {
		a.writePruned(all, goneOf(what, left))
	}
	return errors.Join(err, lerr)
}

func pruneWarning(f systemPruneFlags) string {
	lines := []string{"WARNING! This will remove:", "  - all stopped containers", "  - all networks not used by at least one container"}
	if f.volumes {
		lines = append(lines, "  - all anonymous volumes not used by at least one container")
	}
	lines = append(lines, "  - all "+pruned(f.all))
	if f.all {
		lines = append(lines, "  - all build cache")
	} else {
		lines = append(lines, "  - unused build cache")
	}
	lines = append(lines, "  - what killed commands have left", "  - unused copies of Compose files from elsewhere")
	if len(f.filter) > 0 {
		lines = append(lines, "  of which only those with "+strings.Join(f.filter, ", "))
	}
	return strings.Join(lines, "\n") + "\n\nAre you sure you want to continue?"
}
