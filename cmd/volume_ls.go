package cmd

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/project"
)

type volumeListFlags struct {
	quiet  bool
	format string
	filter []string
}

const volumeFormat = `Format the output: table, json, or a Go template, as in "table {{.Name}}\t{{.Mountpoint}}"`

func (a *app) volumeListCommand() *cobra.Command {
	var f volumeListFlags
	c := &cobra.Command{
		Use:     "ls [OPTIONS]",
		Aliases: []string{"list"},
		Short:   "List volumes",
		Long: "Lists the volumes of this host, by name. A filter by name takes a part of it, or a regular expression. Which are\n" +
			"dangling is asked of the engine; nothing else starts one.",
		Example: "  gocompose volume ls\n" +
			"  gocompose volume ls --filter label=com.docker.compose.project=shop --format '{{.Name}}: {{.Mountpoint}}'",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.volumeList(c.Context(), f) },
	}
	fs := c.Flags()
	fs.StringArrayVarP(&f.filter, "filter", "f", nil, `Provide filter values (e.g. "dangling=true"): dangling, driver, label, name`)
	fs.StringVar(&f.format, "format", "table", volumeFormat)
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Only display volume names")
	return c
}

// newVolumeFilters reads the filters of volumes, of the keys that a command has.
func newVolumeFilters(given, keys []string) (filters[host.Volume], error) {
	return newFilters(given, keys, volumeAccepts)
}

// volumeAccepts returns what one filter means.
func volumeAccepts(key, value string) (func(host.Volume) bool, error) {
	switch key {
	case "driver":
		return func(v host.Volume) bool { return volumeDriver(v) == value }, nil
	case "label":
		return func(v host.Volume) bool { return hasLabel(v.AllLabels, value) }, nil
	case "label!":
		return func(v host.Volume) bool { return !hasLabel(v.AllLabels, value) }, nil
	case "dangling":
		want, err := strconv.ParseBool(value)
		if err != nil {
			return nil, errors.New("want true or false")
		}
		return func(v host.Volume) bool { return (len(v.Users) == 0) == want }, nil
	}
	re, err := regexp.Compile(value) // name
	return func(v host.Volume) bool { return re.MatchString(v.Name) }, err
}

func volumeDriver(v host.Volume) string { return cmp.Or(v.Driver, project.DriverLocal) }

func (a *app) volumeList(ctx context.Context, f volumeListFlags) error {
	filters, err := newVolumeFilters(f.filter, []string{"dangling", "driver", "label", "name"})
	if err != nil {
		return err
	}
	r, err := listRows(f.format)
	if err != nil {
		return err
	}
	look := a.volumes
	if filters.has("dangling") {
		look = a.usedVolumes
	}
	all, err := look(ctx)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(v host.Volume) bool { return !filters.accept(v) })
	return a.printVolumes(all, f, r)
}

// usedVolumes is volumes with the containers that have them. Where no engine ever
// ran there are none.
func (a *app) usedVolumes(ctx context.Context) ([]host.Volume, error) {
	h, err := a.openExisting(ctx)
	if err != nil {
		return nil, err
	}
	if h == nil {
		return a.volumes(ctx)
	}
	defer h.Close()
	return h.Volumes(ctx)
}

func (a *app) printVolumes(all []host.Volume, f volumeListFlags, r rows) error {
	items := make([]volumeRow, len(all))
	for i, v := range all {
		items[i] = volumeRowOf(v)
	}
	if f.quiet {
		return volumeTable().writeNames(a.Out, items)
	}
	return volumeTable().write(a.Out, items, f.format, r)
}

func volumeTable() list[volumeRow] {
	return list[volumeRow]{
		name:    func(r volumeRow) string { return r.Name },
		headers: volumeHeaders(),
		columns: []string{"DRIVER", "VOLUME NAME"},
		cells:   func(r volumeRow) []string { return []string{r.Driver, r.Name} },
	}
}

// volumeRow is a volume as docker's `volume ls --format json` has it. What is not
// available there either, but to `docker system df`, is notAvailable.
type volumeRow struct {
	Availability string
	Driver       string
	Group        string
	Labels       string
	Links        string
	Mountpoint   string
	Name         string
	Scope        string
	Size         string
	Status       string

	labels map[string]string
}

const notAvailable = "N/A"

// Label returns the value of one label, for templates.
func (r volumeRow) Label(name string) string { return r.labels[name] }

func volumeRowOf(v host.Volume) volumeRow {
	return volumeRow{
		Availability: notAvailable, Group: notAvailable, Links: notAvailable, Size: notAvailable, Status: notAvailable,
		Driver:     volumeDriver(v),
		Labels:     join(v.AllLabels),
		Mountpoint: v.Mountpoint,
		Name:       v.Name,
		Scope:      localScope,
		labels:     v.AllLabels,
	}
}

func volumeHeaders() headers {
	return headers{
		"Availability": "AVAILABILITY", "Driver": "DRIVER", "Group": "GROUP", "Labels": "LABELS", "Links": "LINKS",
		"Mountpoint": "MOUNTPOINT", "Name": "VOLUME NAME", "Scope": "SCOPE", "Size": "SIZE", "Status": "STATUS",
	}
}
