package cmd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/distribution/reference"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/view"
)

func (a *app) imageLoadCommand() *cobra.Command {
	var input []string
	var quiet bool
	c := &cobra.Command{
		Use:   "load [OPTIONS] [ARCHIVE...]",
		Short: "Load images from archives or standard input",
		Long: "Loads images from archives that `gocompose image save`, `docker save` or an OCI tool wrote, compressed or not. `-` and\n" +
			"no archive at all mean standard input.",
		Example: "gocompose image load -i shop.tar.gz",
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
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "Does nothing: no progress is shown")
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
		what := "image"
		if img.Dangling() {
			what = "image ID"
		}
		fmt.Fprintf(a.Out, "Loaded %s: %s\n", what, planner.ShortImage(img.Ref))
	}
	return nil
}

func (a *app) imageSaveCommand() *cobra.Command {
	var output, platform string
	c := &cobra.Command{
		Use:   "save [OPTIONS] IMAGE [IMAGE...]",
		Short: "Save one or more images to a tar archive (streamed to STDOUT by default)",
		Long: "Writes images into one archive, in the OCI layout and with what docker needs to load it: `gocompose image load`,\n" +
			"`docker load` and OCI tools read it. One that is named by its ID has no name there.",
		Example:           "gocompose image save -o shop.tar shop/web:1 shop/db:1",
		Args:              atLeastOne("IMAGE"),
		ValidArgsFunction: a.completeImages,
		RunE: func(c *cobra.Command, refs []string) error {
			asked, err := platformOf(platform)
			if err != nil {
				return err
			}
			if output == "" && isTerminal(a.Out) {
				return usage("an archive is not for a terminal: name a file with -o, or redirect standard output")
			}
			if a.globals.dryRun {
				return errNoDryRun()
			}
			return a.lookAtImage(c.Context(), refs[0], func(s *images.Store) error {
				if output == "" {
					return s.For(asked).Save(c.Context(), a.Out, refs)
				}
				return writtenWhole(output, func(f *os.File) error { return s.For(asked).Save(c.Context(), f, refs) })
			})
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "Write to a file, instead of STDOUT")
	c.Flags().StringVar(&platform, "platform", "", "Save only images that are there for this platform (e.g. linux/arm64)")
	return c
}

func (a *app) imageTagCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
		Short:             "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
		Long:              "Gives an image one more name, which then does not stand for another image any more. The image is named by a name or an ID.",
		Example:           "gocompose image tag shop/web:1 registry.example.com/shop/web:1",
		ValidArgsFunction: a.completeImages,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("%q needs an image and a name for it, got %q", c.CommandPath(), args)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return a.withImages(c.Context(), func(ctx context.Context, s *images.Store) error { return s.Tag(ctx, args[0], args[1]) })
		},
	}
}

func (a *app) imagePullCommand() *cobra.Command {
	var quiet bool
	var platform string
	c := &cobra.Command{
		Use:   "pull [OPTIONS] IMAGE [IMAGE...]",
		Short: "Download images from their registries",
		Long: "Asks registries for images, fetches what is not here, and prints their full names. Those of services are pulled by\n" +
			"`gocompose pull`, and by `up` as it needs them.",
		Example: "gocompose image pull nginx:1.27 --platform linux/arm64",
		Args:    atLeastOne("IMAGE"),
		RunE: func(c *cobra.Command, refs []string) error {
			all, err := namedImages(refs, cmp.Or(platform, a.getenv("DOCKER_DEFAULT_PLATFORM")))
			if err == nil {
				err = a.moveImages(c.Context(), change{title: "pull"}, planner.PullImages(all), quiet)
			}
			if err == nil && !a.globals.dryRun {
				for _, i := range all {
					fmt.Fprintln(a.Out, i.Ref)
				}
			}
			return err
		},
	}
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "Suppress verbose output")
	c.Flags().StringVar(&platform, "platform", "", "Pull for this platform (e.g. linux/arm64); without it for DOCKER_DEFAULT_PLATFORM, or this host's")
	return c
}

func (a *app) imagePushCommand() *cobra.Command {
	var quiet bool
	var platform string
	c := &cobra.Command{
		Use:   "push [OPTIONS] IMAGE [IMAGE...]",
		Short: "Upload images to their registries",
		Long: "Sends images to the registries in their names; layers that these have are not sent again. One for several platforms of\n" +
			"which not all are here is pushed for this host's alone.",
		Example: "gocompose image tag shop/web:1 registry.example.com/shop/web:1\n" +
			"gocompose image push registry.example.com/shop/web:1",
		Args:              atLeastOne("IMAGE"),
		ValidArgsFunction: a.completeImages,
		RunE: func(c *cobra.Command, refs []string) error {
			all, err := namedImages(refs, platform)
			if err != nil {
				return err
			}
			return a.moveImages(c.Context(), change{title: "push"}, planner.PushImages(all), quiet)
		},
	}
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "Suppress verbose output")
	c.Flags().StringVar(&platform, "platform", "", "Push only what is there for this platform (e.g. linux/arm64)")
	return c
}

// namedImages returns the images of those names for a platform.
func namedImages(refs []string, platform string) ([]project.Image, error) {
	asked, err := platformOf(platform)
	if err != nil {
		return nil, err
	}
	var out []project.Image
	for _, ref := range refs {
		named, err := reference.ParseDockerRef(ref)
		if err != nil {
			return nil, usage("invalid image name %q: %v", ref, err)
		}
		out = append(out, project.Image{Ref: named.String(), Platform: asked})
	}
	return out, nil
}

// moveImages has a plan carried out that is about images and no project.
func (a *app) moveImages(ctx context.Context, c change, plan *planner.Plan, quiet bool) error {
	if quiet {
		c.hide = anything
	}
	if a.globals.dryRun {
		w, opt := a.progress(c)
		return view.DryRun(w, plan, opt)
	}
	h, err := a.openHost(ctx)
	if err != nil {
		return err
	}
	defer h.Close()
	return a.apply(ctx, h, plan, c)
}
