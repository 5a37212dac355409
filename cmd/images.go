package cmd

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/host"
)

type imagesFlags struct {
	quiet  bool
	format string
}

func (a *app) imagesCommand() *cobra.Command {
	var f imagesFlags
	c := &cobra.Command{
		Use:   "images [OPTIONS] [SERVICE...]",
		Short: "List images used by the created containers",
		Long: "Lists the images that the services' containers were made from, running or not. One whose name means another image by\n" +
			"now, or that was removed, has <none> in place of it. All images of this host are in `gocompose image ls`.",
		Example: "gocompose images\ngocompose images --format json web",
		RunE: func(c *cobra.Command, services []string) error {
			return a.listUsedImages(c.Context(), f, services)
		},
	}
	fs := c.Flags()
	fs.StringVar(&f.format, "format", "table", `Format the output: table, json, or a Go template, as in "{{.Repository}}:{{.Tag}}"`)
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Only display IDs")
	return c
}

func (a *app) listUsedImages(ctx context.Context, f imagesFlags, services []string) error {
	if _, err := listRows(f.format); err != nil {
		return err
	}
	_, infos, err := a.ofServices(ctx, services)
	if err != nil {
		return err
	}
	var all []images.Image
	if len(infos) > 0 {
		h, err := a.openExisting(ctx)
		if err != nil {
			return err
		}
		if h != nil {
			defer h.Close()
			if all, err = h.Images().List(ctx); err != nil {
				return err
			}
		}
	}
	return a.printUsedImages(usedImages(infos, all), f, time.Now())
}

// usedImage is a container's image as docker compose's `images --format json` has
// it.
type usedImage struct {
	ID            string // sha256:…
	ContainerName string
	Repository    string // empty: no name means it any more
	Tag           string
	Platform      string
	Size          int64
	Created       *time.Time `json:",omitempty"`
	LastTagTime   time.Time  `json:",omitzero"`
}

// usedImages are the images of the containers, by the containers' names.
func usedImages(infos []host.Info, all []images.Image) []usedImage {
	out := []usedImage{}
	for _, i := range infos {
		u := usedImage{ID: i.ImageDigest, ContainerName: i.Name, Platform: cmp.Or(i.Spec.Platform, runtime.GOOS+"/"+runtime.GOARCH)}
		if img, ok := imageOf(i, all); ok {
			u.ID, u.Platform, u.Size, u.Created, u.LastTagTime = img.ID, img.Platform, img.Size, known(img.CreatedAt), img.UpdatedAt.UTC()
			u.Repository, u.Tag = nameAndTag(img.Ref)
		}
		out = append(out, u)
	}
	slices.SortFunc(out, func(x, y usedImage) int { return cmp.Compare(x.ContainerName, y.ContainerName) })
	return out
}

// imageOf returns the image that a container was made from: under the name that it
// was made by, or else under another one.
func imageOf(i host.Info, all []images.Image) (images.Image, bool) {
	for _, is := range []func(images.Image) bool{
		func(img images.Image) bool { return img.Ref == i.Spec.Image && img.Digest == i.ImageDigest },
		func(img images.Image) bool { return img.Digest == i.ImageDigest },
	} {
		if n := slices.IndexFunc(all, is); n >= 0 {
			return all[n], true
		}
	}
	return images.Image{}, false
}

// nameAndTag takes a name apart as docker shows it: "nginx", "1.27". An image
// without a name has neither.
func nameAndTag(ref string) (name, tag string) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", ""
	}
	if tagged, ok := named.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	return reference.FamiliarName(named), tag
}

func (a *app) printUsedImages(items []usedImage, f imagesFlags, now time.Time) error {
	r, err := listRows(f.format)
	if err != nil {
		return err
	}
	if f.quiet {
		seen := map[string]bool{}
		items = slices.DeleteFunc(items, func(u usedImage) bool {
			was := seen[u.ID]
			seen[u.ID] = true
			return was
		})
		return usedImageTable(now).writeNames(a.Out, items)
	}
	return usedImageTable(now).write(a.Out, items, f.format, r)
}

func usedImageTable(now time.Time) list[usedImage] {
	return list[usedImage]{
		name: func(u usedImage) string { return strings.TrimPrefix(u.ID, "sha256:") },
		headers: headers{
			"ID": "IMAGE ID", "ContainerName": "CONTAINER", "Repository": "REPOSITORY", "Tag": "TAG", "Platform": "PLATFORM",
			"Size": "SIZE", "Created": "CREATED", "LastTagTime": "LAST TAG TIME",
		},
		columns: []string{"CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"},
		cells: func(u usedImage) []string {
			created := notAvailable
			if u.Created != nil {
				created = agoAt(*u.Created, now)
			}
			return []string{
				u.ContainerName, cmp.Or(u.Repository, "<none>"), cmp.Or(u.Tag, "<none>"), u.Platform, shortDigest(u.ID),
				units.HumanSizeWithPrecision(float64(u.Size), 3), created,
			}
		},
		array: true,
		wide:  true,
	}
}
