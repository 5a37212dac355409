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
		Long: "Shows what images, containers, volumes and logs take on the disk, and how much of it what nothing uses does. Images are\n" +
			"counted with what was fetched and what it was unpacked to; what several of them share counts once. With --verbose\n" +
			"each is shown: then SHARED SIZE is what it has in common with others.",
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
		return dfTable().write(a.Out, dfRows(use), format, r)
	}
	d := dfDetails(use, time.Now())
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
	return []dfRow{imageSum(u.Images).row("Images"), containers.row("Containers"), volumes.row("Local Volumes"), logs.row("Logs")}
}

// imageSum counts each part once. What an image that a container has consists of is not
// to be had.
func imageSum(all []host.ImageUse) (s sum) {
	parts, used := images.Parts{}, images.Parts{}
	seen, active := map[string]bool{}, map[string]bool{}
	for _, i := range all {
		seen[i.ID] = true
		maps.Copy(parts, i.Parts)
		if len(i.Users) > 0 {
			active[i.ID] = true
		}
	}
	for _, i := range all { // by whatever name
		if active[i.ID] {
			maps.Copy(used, i.Parts)
		}
	}
	return sum{len(seen), len(active), parts.Sum(), parts.Sum() - used.Sum()}
}

// sharedSize is what of an image others have too.
func sharedSize(i host.ImageUse, all []host.ImageUse) (n int64) {
	for key, size := range i.Parts {
		if slices.ContainsFunc(all, func(o host.ImageUse) bool {
			_, has := o.Parts[key]
			return has && o.ID != i.ID
		}) {
			n += size
		}
	}
	return n
}
