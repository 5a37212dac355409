package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/host"
)

func (a *app) systemDFCommand() *cobra.Command {
	var verbose bool
	var format string
	c := &cobra.Command{
		Use:   "df [OPTIONS]",
		Short: "Show disk usage",
		Long: "Shows what images, containers, volumes, the build cache and logs take on the disk, and how much of it what nothing\n" +
			"uses does. Images are counted with what was fetched and what it was unpacked to; what several of them share counts\n" +
			"once, and what they share with the build cache is theirs. Leftovers are what killed commands have begun to fetch or\n" +
			"to make; those of commands that go on are active. Remote Files are copies of Compose files from elsewhere, if there\n" +
			"are any, which this user's commands have fetched. With --verbose each is shown: then SHARED SIZE is what an image\n" +
			"has in common with others or the build cache, and UNIQUE SIZE what goes with it.",
		Example: "gocompose system df\n" +
			"gocompose system df --verbose",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.systemDF(c.Context(), verbose, format) },
	}
	c.Flags().StringVar(&format, "format", "table", `Format the output: table, json, or a Go template, as in "table {{.Type}}\t{{.Size}}"`)
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "Show detailed information on space usage")
	return c
}

func (a *app) systemDF(ctx context.Context, verbose bool, format string) error {
	r, err := listRows(format)
	if err != nil {
		return err
	}
	if verbose && r.template != nil {
		return usage("--verbose has no template: use --format json, or leave one of both out")
	}
	use, err := a.usage(ctx)
	if err != nil {
		return err
	}
	if !verbose {
		rows, err := a.dfRows(ctx, use)
		if err != nil {
			return err
		}
		return dfTable().write(a.Out, rows, format, r)
	}
	cache, err := a.buildCache(ctx, nil)
	if err != nil {
		return err
	}
	d := dfDetails(use, cache, time.Now())
	if format == "json" {
		enc := json.NewEncoder(a.Out)
		enc.SetEscapeHTML(false)
		return enc.Encode(d)
	}
	return d.write(a.Out)
}

// usage measures everything. Where no engine ever ran there are volumes at most.
func (a *app) usage(ctx context.Context) (host.Usage, error) {
	h, err := a.openExisting(ctx)
	if h == nil || err != nil {
		return host.Usage{}, err
	}
	defer h.Close()
	return h.Usage(ctx)
}

// dfRow is a line as docker's `system df --format json` has it.
type dfRow struct {
	Active      string
	Reclaimable string
	Size        string
	TotalCount  string
	Type        string
}

func dfTable() list[dfRow] {
	return list[dfRow]{
		name: func(r dfRow) string { return r.Type },
		headers: headers{
			"Active": "ACTIVE", "Reclaimable": "RECLAIMABLE", "Size": "SIZE", "TotalCount": "TOTAL", "Type": "TYPE",
		},
		columns: []string{"TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"},
		cells:   func(r dfRow) []string { return []string{r.Type, r.TotalCount, r.Active, r.Size, r.Reclaimable} },
	}
}

// sum is what things of one kind take.
type sum struct {
	total, active     int
	size, reclaimable int64
}

func (s *sum) add(active bool, size int64) {
	s.total++
	s.size += size
	if active {
		s.active++
	} else {
		s.reclaimable += size
	}
}

func (s sum) row(kind string) dfRow {
	reclaimable := sizeText(s.reclaimable)
	if s.size > 0 {
		reclaimable += fmt.Sprintf(" (%d%%)", 100*s.reclaimable/s.size)
	}
	return dfRow{
		Type: kind, TotalCount: strconv.Itoa(s.total), Active: strconv.Itoa(s.active), Size: sizeText(s.size), Reclaimable: reclaimable,
	}
}

// dfRows are all, with the copies of Compose files from elsewhere when there are any.
func (a *app) dfRows(ctx context.Context, u host.Usage) ([]dfRow, error) {
	var containers []host.Info
	for _, c := range u.Containers {
		containers = append(containers, c.Info)
	}
	var volumes []host.Volume
	for _, v := range u.Volumes {
		volumes = append(volumes, v.Volume)
	}
	rows := dfRows(u)
	copies, err := a.copies(ctx, containers, volumes)
	if len(copies) > 0 {
		rows = append(rows, copySum(copies).row("Remote Files"))
	}
	return rows, err
}

func dfRows(u host.Usage) []dfRow {
	var containers, volumes, logs sum
	for _, c := range u.Containers {
		active := c.Running()
		containers.add(active, c.Written)
		logs.add(active, c.Logs)
	}
	for _, v := range u.Volumes {
		volumes.add(len(v.Users) > 0, v.Size)
	}
	left := sum{len(u.Left) + len(u.Busy), len(u.Busy), u.Left.Sum() + u.Busy.Sum(), u.Left.Sum()}
	return []dfRow{
		imageSum(u).row("Images"), containers.row("Containers"), volumes.row("Local Volumes"), cacheSum(u).row("Build Cache"),
		logs.row("Logs"), left.row("Leftovers"),
	}
}

// imageSum counts each part once. What an image that a container has consists of is not
// to be had, and of others what containers, builds and commands keep.
func imageSum(u host.Usage) (s sum) {
	parts, free := images.Parts{}, images.Parts{}
	seen, active := map[string]bool{}, map[string]bool{}
	for _, i := range u.Images {
		seen[i.ID] = true
		maps.Copy(parts, i.Parts)
		if len(i.Users) > 0 {
			active[i.ID] = true
		}
	}
	maps.Copy(free, parts)
	for _, i := range u.Images { // by whatever name
		for part := range i.Parts {
			if active[i.ID] || u.Held[part] {
				delete(free, part)
			}
		}
	}
	return sum{len(seen), len(active), parts.Sum() + u.Bases.Sum(), free.Sum()}
}

// cacheSum is what is kept for builds alone: what an image has too is the image's.
func cacheSum(u host.Usage) (s sum) {
	s = sum{total: len(u.Cached), size: u.Build.Sum(), reclaimable: u.Build.Sum()}
	for _, c := range u.Cached {
		if !c.Active {
			continue
		}
		s.active++
		for part := range c.Parts {
			s.reclaimable -= u.Build[part]
		}
	}
	return s
}

// sharedSize is what of an image others have too, or what keeps without it.
func sharedSize(i host.ImageUse, u host.Usage) (n int64) {
	for part, size := range i.Parts {
		if u.Held[part] && len(i.Users) == 0 || slices.ContainsFunc(u.Images, func(o host.ImageUse) bool {
			_, has := o.Parts[part]
			return has && o.ID != i.ID && o.Ref != i.Ref
		}) {
			n += size
		}
	}
	return n
}
