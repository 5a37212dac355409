package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/buildkit"
)

func (a *app) builderCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "builder COMMAND",
		Short: "Look after the build cache",
		Long: "Shows and removes what is kept so that the next build need not make it again. How much that may be\n" +
			"GOCOMPOSE_BUILD_CACHE says.",
		Args: knownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.builderDUCommand(), a.builderPruneCommand())
	return c
}

// cacheFilters are docker's filters of the build cache, by keys.
const cacheFilters = "description, id, immutable, inuse, mutable, parents, private, shared, type, until, unused-for"

func newCacheFilters(given []string, now time.Time) (filters[buildkit.CacheRecord], error) {
	given = slices.Clone(given)
	for i, text := range given {
		if !strings.Contains(text, "=") { // as in docker: inuse is inuse=true
			given[i] += "=true"
		}
	}
	type record = buildkit.CacheRecord
	return newFilters(given, strings.Split(cacheFilters, ", "), func(key, value string) (func(record) bool, error) {
		switch key {
		case "description":
			return func(r record) bool { return strings.Contains(r.Description, value) }, nil
		case "id":
			return func(r record) bool { return strings.HasPrefix(r.ID, value) }, nil
		case "parents":
			return func(r record) bool { return slices.Contains(r.Parents, value) }, nil
		case "type":
			return func(r record) bool { return r.Type == value }, nil
		case "until", "unused-for":
			until, err := when(value, now)
			if err == nil && value == "" {
				err = errors.New("want a time, or a duration before now: 24h")
			}
			return func(r record) bool { return r.LastUsedAt.Before(until) }, err
		}
		want, err := strconv.ParseBool(value)
		if err != nil {
			err = errors.New("want true or false")
		}
		is := map[string]func(record) bool{
			"inuse": func(r record) bool { return r.InUse }, "shared": func(r record) bool { return r.Shared }, "private": func(r record) bool { return !r.Shared },
			"mutable": func(r record) bool { return r.Mutable }, "immutable": func(r record) bool { return !r.Mutable },
		}[key]
		return func(r record) bool { return is(r) == want }, err
	})
}

// buildCache returns the records that the filters accept. Where no engine ever ran there
// are none.
func (a *app) buildCache(ctx context.Context, accepted filters[buildkit.CacheRecord]) ([]buildkit.CacheRecord, error) {
	h, err := a.openExisting(ctx)
	if h == nil || err != nil {
		return nil, err
	}
	defer h.Close()
	all, err := h.BuildCache(ctx)
	return slices.DeleteFunc(all, func(r buildkit.CacheRecord) bool { return !accepted.accept(r) }), err
}

func (a *app) builderDUCommand() *cobra.Command {
	var verbose bool
	var filter []string
	var format string
	c := &cobra.Command{
		Use:   "du [OPTIONS]",
		Short: "Show what the build cache takes",
		Long: "Shows the records of the build cache, those that were not used for longest first, and what they take. Of one that is\n" +
			"shared an image has a part too, which stays when the record goes: `gocompose system df` has the true sum.",
		Example: "gocompose builder du\n" +
			"gocompose builder du --verbose --filter type=exec.cachemount",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := listRows(format)
			if err != nil {
				return err
			}
			if verbose && format != "table" {
				return usage("--verbose is a form of its own: leave --format out, or --verbose: --format json has all fields")
			}
			accepted, err := newCacheFilters(filter, time.Now())
			if err != nil {
				return err
			}
			all, err := a.buildCache(c.Context(), accepted)
			if err != nil {
				return err
			}
			return writeCache(a.Out, all, format, r, verbose)
		},
	}
	c.Flags().StringArrayVar(&filter, "filter", nil, "Provide filter values: "+cacheFilters)
	c.Flags().StringVar(&format, "format", "table", `Format the output: table, json, or a Go template, as in "{{.ID}} {{.Size}}"`)
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "Provide a more verbose output")
	return c
}

// cacheRow is a line as docker's `buildx du --format json` has it.
type cacheRow struct {
	CreatedAt   string
	Description string
	ID          string
	InUse       bool
	LastUsedAt  string
	Mutable     bool
	Parents     []string
	Reclaimable bool
	Shared      bool
	Size        string
	Type        string
	UsageCount  int
}

func newCacheRow(r buildkit.CacheRecord) cacheRow {
	row := cacheRow{
		CreatedAt: r.CreatedAt.UTC().Format(time.RFC3339), Description: r.Description, ID: r.ID, InUse: r.InUse, Mutable: r.Mutable,
		Parents: r.Parents, Reclaimable: !r.InUse, Shared: r.Shared, Size: sizeText(r.Size), Type: r.Type, UsageCount: r.UsageCount,
	}
	if !r.LastUsedAt.IsZero() {
		row.LastUsedAt = ago(r.LastUsedAt)
	}
	return row
}

func cacheTable() list[cacheRow] {
	return list[cacheRow]{
		headers: headers{
			"CreatedAt": "CREATED AT", "Description": "DESCRIPTION", "ID": "ID", "InUse": "IN USE", "LastUsedAt": "LAST ACCESSED", "Mutable": "MUTABLE",
			"Parents": "PARENTS", "Reclaimable": "RECLAIMABLE", "Shared": "SHARED", "Size": "SIZE", "Type": "TYPE", "UsageCount": "USAGE",
		},
		columns: []string{"ID", "RECLAIMABLE", "SIZE", "LAST ACCESSED"},
		cells: func(r cacheRow) []string {
			id := r.ID
			if r.Mutable {
				id += "*"
			}
			return []string{id, strconv.FormatBool(r.Reclaimable), r.Size, r.LastUsedAt}
		},
	}
}

// writeCache writes the records as docker does, and in its own forms what they are
// together.
func writeCache(w io.Writer, all []buildkit.CacheRecord, format string, r rows, verbose bool) error {
	var items []cacheRow
	var shared, free, total int64
	for _, one := range all {
		items = append(items, newCacheRow(one))
		total += one.Size
		if one.Shared {
			shared += one.Size
		}
		if !one.InUse {
			free += one.Size
		}
	}
	if verbose {
		for _, i := range items {
			writeCacheRecord(w, i)
		}
	} else if err := cacheTable().write(w, items, format, r); err != nil || format != "table" {
		return err
	}
	if shared > 0 {
		fmt.Fprintf(w, "Shared:\t\t%s\nPrivate:\t%s\n", sizeText(shared), sizeText(total-shared))
	}
	_, err := fmt.Fprintf(w, "Reclaimable:\t%s\nTotal:\t\t%s\n", sizeText(free), sizeText(total))
	return err
}

func writeCacheRecord(w io.Writer, r cacheRow) {
	fmt.Fprintf(w, "ID:\t\t%s\n", r.ID)
	for _, p := range r.Parents {
		fmt.Fprintf(w, "Parent:\t\t%s\n", p)
	}
	fmt.Fprintf(w, "Created at:\t%s\nMutable:\t%t\nReclaimable:\t%t\nShared:\t\t%t\nSize:\t\t%s\n", r.CreatedAt, r.Mutable, r.Reclaimable, r.Shared, r.Size)
	if r.Description != "" {
		fmt.Fprintf(w, "Description:\t%s\n", r.Description)
	}
	fmt.Fprintf(w, "Usage count:\t%d\n", r.UsageCount)
	if r.LastUsedAt != "" {
		fmt.Fprintf(w, "Last used:\t%s\n", r.LastUsedAt)
	}
	fmt.Fprintf(w, "Type:\t\t%s\n\n", r.Type)
}
