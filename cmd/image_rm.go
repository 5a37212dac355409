package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
)

func (a *app) imageRemoveCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:     "rm [OPTIONS] IMAGE [IMAGE...]",
		Aliases: []string{"remove"},
		Short:   "Remove one or more images",
		Long: "Removes names of images, or by an ID an image that has no other, and with the last name the image. One that a container\n" +
			"is made from or mounts, whether it runs or not, stays unless --force is given; the container keeps working then: its\n" +
			"files stay until it is gone.",
		Example:           "gocompose image rm nginx:1.26",
		Args:              atLeastOne("IMAGE"),
		ValidArgsFunction: a.completeImages,
		RunE:              func(c *cobra.Command, refs []string) error { return a.imageRemove(c.Context(), refs, force) },
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "Force removal of the image: also when containers have it, and by an ID all its names; what is not there is no error")
	return c
}

func (a *app) imageRemove(ctx context.Context, refs []string, force bool) error {
	var before []host.Image
	steps, err := a.imageKind().change(ctx, imageChange{
		title: "image rm",
		decide: func(all []host.Image) imageSteps {
			before = all
			return imageRemovals(all, refs, force)
		},
	})
	gone, lerr := a.imageKind().gone(ctx, steps)
	writeGone(a.Out, before, gone)
	return errors.Join(err, steps.refused, lerr)
}

// imageRemovals says which of the named images go, each once.
func imageRemovals(all []host.Image, refs []string, force bool) (s imageSteps) {
	var errs []error
	for _, ref := range refs {
		found, err := imagesNamed(all, ref)
		if err != nil {
			if !force {
				errs = append(errs, err)
			}
			continue
		}
		var names []string
		for _, i := range found {
			if !slices.Contains(names, planner.ShortImage(i.Ref)) {
				names = append(names, planner.ShortImage(i.Ref))
			}
		}
		switch {
		case len(names) > 1 && !force:
			errs = append(errs, fmt.Errorf("image %s has %d names: remove them by name: %s; or use --force", ref, len(names), strings.Join(names, ", ")))
		case len(found[0].Users) > 0 && !force:
			errs = append(errs, fmt.Errorf("image %s is in use by %s: remove them first, or use --force", ref, strings.Join(found[0].Users, ", ")))
		case len(found[0].Needed) > 0 && !force:
			errs = append(errs, fmt.Errorf("another command needs image %s for %s: wait for that to end, or use --force", ref, strings.Join(found[0].Needed, ", ")))
		default:
			s.remove = addRemovals(s.remove, found, force)
		}
	}
	s.refused = errors.Join(errs...)
	return s
}

func addRemovals(to []planner.RemoveImage, found []host.Image, force bool) []planner.RemoveImage {
	for _, i := range found {
		if op := (planner.RemoveImage{Ref: i.Ref, Used: force}); !slices.Contains(to, op) {
			to = append(to, op)
		}
	}
	return to
}

// writeGone writes which names went, and which images with their last one.
func writeGone(w io.Writer, before []host.Image, gone []string) {
	left := map[string]bool{}
	for _, i := range before {
		left[i.ID] = left[i.ID] || !slices.Contains(gone, i.Ref)
	}
	for _, ref := range gone {
		i := slices.IndexFunc(before, func(i host.Image) bool { return i.Ref == ref })
		if !before[i].Dangling() {
			fmt.Fprintln(w, "Untagged:", planner.ShortImage(ref))
		}
	}
	for _, i := range before {
		if !left[i.ID] {
			fmt.Fprintln(w, "Deleted:", i.ID)
			left[i.ID] = true // once
		}
	}
}

type imagePruneFlags struct {
	all, force bool
	filter     []string
}

func (a *app) imagePruneCommand() *cobra.Command {
	var f imagePruneFlags
	c := &cobra.Command{
		Use:   "prune [OPTIONS]",
		Short: "Remove unused images",
		Long: "Removes the images that have no name, with --all also those that have some; never one that a container has, running or\n" +
			"not, of whatever project, or that a command is about to make one from. It names them and asks before, unless --force is\n" +
			"given; no answer is no.",
		Example:           "gocompose image prune --all --filter until=24h --filter label!=keep",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			f.filter = slices.DeleteFunc(f.filter, func(text string) bool { // docker's other way to say so
				f.all = f.all || text == "dangling=false"
				return text == "dangling=false" || text == "dangling=true"
			})
			filters, err := newImageFilters(f.filter, []string{"label", "label!", "until"}, nil, time.Now())
			if err != nil {
				return err
			}
			return a.imagePrune(c.Context(), filters, f)
		},
	}
	fs := c.Flags()
	fs.BoolVarP(&f.all, "all", "a", false, "Remove all unused images, not just dangling ones")
	fs.StringArrayVar(&f.filter, "filter", nil, `Provide filter values (e.g. "until=<timestamp>"): dangling, label, label!, until`)
	fs.BoolVarP(&f.force, "force", "f", false, "Do not prompt for confirmation")
	return c
}

func (a *app) imagePrune(ctx context.Context, filters filters[host.Image], f imagePruneFlags) error {
	var before []host.Image
	var parts map[string]images.Parts
	steps, err := a.imageKind().change(ctx, imageChange{
		title: "image prune",
		decide: func(all []host.Image) imageSteps {
			before = all
			return imageSteps{remove: unusedImages(all, filters, f.all)}
		},
		confirm: func(s imageSteps) (yes bool, err error) {
			if s.empty() {
				fmt.Fprintln(a.Err, "No unused images")
				return false, nil
			}
			fmt.Fprintf(a.Err, "Going to remove %s\n", strings.Join(shortImages(s.remove), ", "))
			if !f.force {
				if yes, err = a.ask(ctx, "WARNING! This will remove all "+pruned(f.all)+".\nAre you sure you want to continue?"); !yes || err != nil {
					return false, err
				}
			}
			parts, err = a.imageParts(ctx)
			return err == nil, err
		},
	})
	gone, lerr := a.imageKind().gone(ctx, steps)
	if len(gone) > 0 {
		fmt.Fprintln(a.Out, "Deleted Images:")
		writeGone(a.Out, before, gone)
		fmt.Fprintln(a.Out)
	}
	if err == nil && !a.globals.dryRun {
		var n int64
		n, err = a.freed(ctx, parts, gone)
		fmt.Fprintf(a.Out, "Total reclaimed space: %s\n", sizeText(n))
	}
	return errors.Join(err, lerr)
}

func pruned(all bool) string {
	if all {
		return "images without at least one container associated to them"
	}
	return "dangling images"
}

func shortImages(ops []planner.RemoveImage) []string {
	var names []string
	for _, op := range ops {
		names = append(names, planner.ShortImage(op.Ref))
	}
	return names
}

// unusedImages are those that no container has, by any of their names, that no command is
// about to make one from, and that the filters accept: without a name, or all.
func unusedImages(all []host.Image, filters filters[host.Image], named bool) []planner.RemoveImage {
	var out []planner.RemoveImage
	for _, i := range all {
		used := slices.ContainsFunc(all, func(o host.Image) bool { return (o.ID == i.ID || o.Ref == i.Ref) && len(o.Users)+len(o.Needed) > 0 })
		if !used && (named || i.Dangling()) && filters.accept(i) {
			out = addRemovals(out, []host.Image{i}, false)
		}
	}
	return out
}

// imageParts are what the images of this host consist of, by their names.
func (a *app) imageParts(ctx context.Context) (parts map[string]images.Parts, err error) {
	h, err := a.openExisting(ctx)
	if h == nil || err != nil {
		return nil, err
	}
	defer h.Close()
	return h.Images().Parts(ctx)
}

// freed is what is not stored any more of those that went.
func (a *app) freed(ctx context.Context, parts map[string]images.Parts, gone []string) (int64, error) {
	h, err := a.openExisting(ctx)
	if h == nil || len(gone) == 0 || err != nil {
		return 0, err
	}
	defer h.Close()
	went := images.Parts{}
	for _, ref := range gone {
		maps.Copy(went, parts[ref])
	}
	left, err := h.Images().Stored(ctx)
	return without(went, left.Parts), err
}

// without is the size of what is not left.
func without(parts, left images.Parts) int64 {
	all := maps.Clone(parts)
	maps.DeleteFunc(all, func(part string, _ int64) bool {
		_, there := left[part]
		return there
	})
	return all.Sum()
}
