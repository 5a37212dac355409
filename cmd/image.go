package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/view"
)

func (a *app) imageCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "image COMMAND",
		Short: "Load, list, pull and remove images",
		Args:  knownCommand,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.imageLoadCommand(), a.imageListCommand(), a.imagePullCommand(), a.imageRemoveCommand())
	return c
}

func (a *app) imageLoadCommand() *cobra.Command {
	var input []string
	c := &cobra.Command{
		Use:   "load [OPTIONS] [ARCHIVE...]",
		Short: "Load images from archives or standard input",
		Long:  "Loads images from archives that `docker save` or an OCI tool wrote, compressed or not. `-` and no archive at all mean standard input.",
		RunE: func(c *cobra.Command, archives []string) error {
			archives = slices.Concat(input, archives)
			if len(archives) == 0 {
				archives = []string{"-"}
			}
			return a.withImages(c.Context(), func(ctx context.Context, s *images.Store) error {
				for _, archive := range archives {
					if err := a.loadImage(ctx, s, archive); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	c.Flags().StringArrayVarP(&input, "input", "i", nil, "Read from this archive instead of standard input; may be repeated")
	return c
}

func (a *app) loadImage(ctx context.Context, s *images.Store, archive string) error {
	var from io.Reader = a.In
	if archive != "-" {
		f, err := os.Open(archive)
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
	}
	loaded, err := s.Load(ctx, from)
	if err != nil {
		return fmt.Errorf("loading %s: %w", archive, err)
	}
	for _, img := range loaded {
		fmt.Fprintf(a.Out, "Loaded image: %s\n", planner.ShortImage(img.Ref))
	}
	return nil
}

func (a *app) imageListCommand() *cobra.Command {
	var quiet bool
	c := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List images",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			h, err := a.openExisting(c.Context())
			if err != nil {
				return err
			}
			var list []images.Image
			if h != nil {
				defer h.Close()
				if list, err = h.Images().List(c.Context()); err != nil {
					return err
				}
			}
			return a.printImages(list, quiet)
		},
	}
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "Only display image IDs")
	return c
}

func (a *app) printImages(list []images.Image, quiet bool) error {
	if quiet {
		for _, img := range list {
			fmt.Fprintln(a.Out, img.ID)
		}
		return nil
	}
	t := view.NewTable("IMAGE", "IMAGE ID", "PLATFORM", "CREATED", "SIZE")
	for _, img := range list {
		t.Row(planner.ShortImage(img.Ref), shortDigest(img.ID), img.Platform, ago(img.CreatedAt), units.HumanSizeWithPrecision(float64(img.Size), 3))
	}
	return t.Write(a.Out)
}

// shortDigest returns the first 12 hexadecimal digits, as Docker shows them.
func shortDigest(d string) string {
	const prefix = "sha256:"
	if len(d) >= len(prefix)+12 {
		return d[len(prefix) : len(prefix)+12]
	}
	return d
}

func ago(t time.Time) string {
	if t.IsZero() || t.Unix() <= 0 {
		return "N/A"
	}
	return units.HumanDuration(time.Since(t)) + " ago"
}

func (a *app) imagePullCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pull IMAGE...",
		Short: "Pull images from their registries",
		Args:  atLeastOne("IMAGE"),
		RunE: func(c *cobra.Command, refs []string) error {
			pull := change{title: "pull"}
			if a.globals.dryRun {
				w, opt := a.progress(pull)
				return view.DryRun(w, planner.Pull(refs), opt)
			}
			h, err := a.openHost(c.Context())
			if err != nil {
				return err
			}
			defer h.Close()
			return a.apply(c.Context(), h, planner.Pull(refs), pull)
		},
	}
}

func (a *app) imageRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "rm IMAGE...",
		Aliases: []string{"remove"},
		Short:   "Remove images",
		Long:    "Removes images by name or ID. Containers made from them keep working: their files stay until the last container is gone.",
		Args:    atLeastOne("IMAGE"),
		RunE: func(c *cobra.Command, refs []string) error {
			return a.withImages(c.Context(), func(ctx context.Context, s *images.Store) error {
				var errs []error
				for _, ref := range refs {
					err := s.Remove(ctx, ref)
					if err == nil {
						fmt.Fprintf(a.Out, "Removed: %s\n", ref)
					}
					errs = append(errs, err)
				}
				return errors.Join(errs...)
			})
		},
	}
}

// withImages runs do with what it makes kept from the garbage collector.
func (a *app) withImages(ctx context.Context, do func(context.Context, *images.Store) error) (err error) {
	if a.globals.dryRun {
		return errNoDryRun()
	}
	h, err := a.openHost(ctx)
	if err != nil {
		return err
	}
	defer h.Close()
	leased, release, err := h.Lease(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release(context.WithoutCancel(ctx))) }()
	return do(leased, h.Images())
}

func atLeastOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("%q needs at least one %s", c.CommandPath(), cmp.Or(what, "argument"))
		}
		return nil
	}
}
