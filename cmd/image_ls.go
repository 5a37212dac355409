package cmd

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/distribution/reference"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

type imageListFlags struct {
	all, quiet, digests, whole bool
	format                     string
	filter                     []string
}

const imageFormat = `Format the output: table, json, or a Go template, as in "table {{.Repository}}\t{{.Tag}}"`

func (a *app) imageListCommand() *cobra.Command {
	var f imageListFlags
	c := &cobra.Command{
		Use:     "ls [OPTIONS] [REPOSITORY[:TAG]]",
		Aliases: []string{"list"},
		Short:   "List images",
		Long: "Lists the images of this host, one line for each of their names; sizes are those of what was fetched, and `gocompose\n" +
			"system df -v` shows what they take on the disk. When there are images for other platforms than the host's, there is a\n" +
			"column that says for which.",
		Example: "gocompose image ls\n" +
			"gocompose image ls --filter dangling=true --quiet\n" +
			"gocompose image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}' nginx",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("%q takes one name, got %q", c.CommandPath(), args)
			}
			return nil
		},
		ValidArgsFunction: a.completeImages,
		RunE: func(c *cobra.Command, args []string) error {
			for _, name := range args {
				f.filter = append(f.filter, "reference="+name)
			}
			return a.imageList(c.Context(), f)
		},
	}
	fs := c.Flags()
	fs.BoolVarP(&f.all, "all", "a", false, "Does nothing: there are no intermediate images, and all others are shown")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Only show image IDs")
	fs.BoolVar(&f.digests, "digests", false, "Show digests")
	fs.BoolVar(&f.whole, "no-trunc", false, "Don't truncate output")
	fs.StringArrayVarP(&f.filter, "filter", "f", nil, `Filter output based on conditions provided: before, dangling, label, reference, since, until`)
	fs.StringVar(&f.format, "format", "table", imageFormat)
	return c
}

func (a *app) imageList(ctx context.Context, f imageListFlags) error {
	r, err := listRows(f.format)
	if err != nil {
		return err
	}
	keys := []string{"before", "dangling", "label", "reference", "since", "until"}
	if _, err := newImageFilters(f.filter, keys, nil, time.Now()); err != nil {
		return err // before anything is asked
	}
	all, err := a.images(ctx)
	if err != nil {
		return err
	}
	filters, err := newImageFilters(f.filter, keys, func(ref string) (host.Image, error) {
		found, err := imagesNamed(all, ref)
		if err != nil {
			return host.Image{}, err
		}
		return found[0], nil
	}, time.Now())
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(i host.Image) bool { return !filters.accept(i) })
	slices.SortStableFunc(all, func(x, y host.Image) int { return y.CreatedAt.Compare(x.CreatedAt) })
	foreign := false
	items := make([]imageRow, len(all))
	for i, img := range all {
		items[i] = imageRowOf(img, f.whole)
		foreign = foreign || img.Platform != hostPlatform()
	}
	t := imageTable(f.digests, foreign)
	if f.quiet {
		return t.writeNames(a.Out, slices.CompactFunc(items, func(x, y imageRow) bool { return x.ID == y.ID }))
	}
	return t.write(a.Out, items, f.format, r)
}

// newImageFilters reads the filters of images, of the keys that a command has; find finds
// the image that others are compared with, nil: it is not looked for.
func newImageFilters(given, keys []string, find func(string) (host.Image, error), now time.Time) (filters[host.Image], error) {
	return newFilters(given, keys, func(key, value string) (func(host.Image) bool, error) {
		switch key {
		case "before", "since":
			return imagesBeside(key, value, find)
		case "reference":
			return imageMatches(value)
		case "label":
			return func(i host.Image) bool { return hasLabel(i.Config.Labels, value) }, nil
		case "label!":
			return func(i host.Image) bool { return !hasLabel(i.Config.Labels, value) }, nil
		case "dangling":
			want, err := strconv.ParseBool(value)
			if err != nil {
				return nil, errors.New("want true or false")
			}
			return func(i host.Image) bool { return i.Dangling() == want }, nil
		}
		until, err := when(value, now) // until
		if err == nil && value == "" {
			err = errors.New("want a time, or a duration before now: 24h")
		}
		return func(i host.Image) bool { return i.CreatedAt.Before(until) }, err
	})
}

// imagesBeside are those that were made before another, or since.
func imagesBeside(key, value string, find func(string) (host.Image, error)) (func(host.Image) bool, error) {
	if find == nil {
		return func(host.Image) bool { return false }, nil
	}
	of, err := find(value)
	if err != nil {
		return nil, err
	}
	if key == "before" {
		return func(i host.Image) bool { return i.CreatedAt.Before(of.CreatedAt) }, nil
	}
	return func(i host.Image) bool { return i.CreatedAt.After(of.CreatedAt) }, nil
}

// imageMatches takes a pattern of the shell for a name with its tag, or for one of all tags.
func imageMatches(pattern string) (func(host.Image) bool, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, errors.New("want a pattern like web*, or a name")
	}
	return func(i host.Image) bool {
		named, err := reference.ParseNormalizedNamed(i.Ref)
		if err != nil || i.Dangling() {
			return false
		}
		matched, err := reference.FamiliarMatch(pattern, named)
		return matched && err == nil
	}, nil
}

// imageRow is an image as docker's `image ls --format json` has it, with its platform.
// What is not available there either, but to `docker system df`, is notAvailable.
type imageRow struct {
	Containers   string
	CreatedAt    string
	CreatedSince string
	Digest       string
	ID           string
	Platform     string
	Repository   string
	SharedSize   string
	Size         string
	Tag          string
	UniqueSize   string
	VirtualSize  string
}

func imageRowOf(i host.Image, whole bool) imageRow {
	name := splitImage(i.Ref)
	row := imageRow{
		Containers: notAvailable, SharedSize: notAvailable, UniqueSize: notAvailable,
		CreatedAt:    notAvailable,
		CreatedSince: ago(i.CreatedAt),
		Digest:       cmp.Or(i.Target, noName),
		ID:           i.ID,
		Platform:     i.Platform,
		Repository:   name.repository,
		Size:         sizeText(i.Size),
		Tag:          name.tag,
		VirtualSize:  sizeText(i.Size),
	}
	if i.Dangling() {
		row.Digest = noName
	}
	if i.CreatedAt.Unix() > 0 {
		row.CreatedAt = i.CreatedAt.Local().Format(dockerTime)
	}
	if !whole {
		row.ID = shortDigest(i.ID)
	}
	return row
}

// dockerTime is how docker's lists write times: Go's own form.
const dockerTime = "2006-01-02 15:04:05 -0700 MST"

func imageTable(digests, foreign bool) list[imageRow] {
	columns := []string{"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"}
	if digests {
		columns = slices.Insert(columns, 2, "DIGEST")
	}
	if foreign {
		columns = append(columns, "PLATFORM")
	}
	return list[imageRow]{
		name: func(r imageRow) string { return r.ID },
		headers: headers{
			"Containers": "CONTAINERS", "CreatedAt": "CREATED AT", "CreatedSince": "CREATED", "Digest": "DIGEST", "ID": "IMAGE ID",
			"Platform": "PLATFORM", "Repository": "REPOSITORY", "SharedSize": "SHARED SIZE", "Size": "SIZE", "Tag": "TAG",
			"UniqueSize": "UNIQUE SIZE", "VirtualSize": "SIZE",
		},
		columns: columns,
		cells: func(r imageRow) []string {
			cells := []string{r.Repository, r.Tag, r.ID, r.CreatedSince, r.Size}
			if digests {
				cells = slices.Insert(cells, 2, r.Digest)
			}
			if foreign {
				cells = append(cells, r.Platform)
			}
			return cells
		},
	}
}

// repositoryDigest is what an image can be pulled by again, by one of its names.
func repositoryDigest(ref, target string) string { return splitImage(ref).repository + "@" + target }
