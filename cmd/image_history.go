package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/containerd/images"
)

type imageHistoryFlags struct {
	quiet, whole, human bool
	format, platform    string
}

func (a *app) imageHistoryCommand() *cobra.Command {
	var f imageHistoryFlags
	c := &cobra.Command{
		Use:   "history [OPTIONS] IMAGE",
		Short: "Show the history of an image",
		Long: "Shows how an image was built, the last step first, with the size that each step's layer takes when it is unpacked. Only\n" +
			"the whole image has an ID: what it was after earlier steps is <missing>.",
		Example: "gocompose image history --no-trunc nginx:1.27",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("%q needs one IMAGE, got %q", c.CommandPath(), args)
			}
			return nil
		},
		ValidArgsFunction: a.completeImages,
		RunE:              func(c *cobra.Command, args []string) error { return a.imageHistory(c.Context(), args[0], f) },
	}
	fs := c.Flags()
	fs.StringVar(&f.format, "format", "table", `Format the output: table, json, or a Go template, as in "table {{.ID}}\t{{.CreatedBy}}"`)
	fs.BoolVarP(&f.human, "human", "H", true, "Print sizes and dates in human readable format")
	fs.BoolVar(&f.whole, "no-trunc", false, "Don't truncate output")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Only show image IDs")
	fs.StringVar(&f.platform, "platform", "", "Show what is there for this platform (e.g. linux/arm64)")
	return c
}

func (a *app) imageHistory(ctx context.Context, ref string, f imageHistoryFlags) error {
	r, err := listRows(f.format)
	if err != nil {
		return err
	}
	platform, err := platformOf(f.platform)
	if err != nil {
		return err
	}
	return a.lookAtImage(ctx, ref, func(s *images.Store) error {
		d, err := s.For(platform).Details(ctx, ref)
		if err != nil {
			return err
		}
		items := historyOf(d, f)
		if f.quiet {
			return historyTable().writeNames(a.Out, items)
		}
		return historyTable().write(a.Out, items, f.format, r)
	})
}

// historyRow is a step as docker's `image history --format json` has it.
type historyRow struct {
	Comment      string
	CreatedAt    string
	CreatedBy    string
	CreatedSince string
	ID           string
	Size         string
}

const (
	missingLayer   = "<missing>"
	createdByWidth = 45 // docker's
)

// historyOf returns the steps, the last one first.
func historyOf(d images.Details, f imageHistoryFlags) []historyRow {
	rows := make([]historyRow, len(d.History))
	layer := 0
	for i, h := range d.History {
		row := historyRow{Comment: h.Comment, ID: missingLayer, CreatedSince: notAvailable, CreatedBy: strings.ReplaceAll(h.CreatedBy, "\t", " ")}
		if h.Created != nil && h.Created.Unix() > 0 {
			row.CreatedAt = h.Created.Local().Format(time.RFC3339)
			row.CreatedSince = ago(*h.Created)
			if !f.human {
				row.CreatedSince = row.CreatedAt
			}
		}
		var size int64
		if !h.EmptyLayer && layer < len(d.Sizes) {
			size = d.Sizes[layer]
			layer++
		}
		if row.Size = sizeText(size); !f.human {
			row.Size = fmt.Sprint(size)
		}
		if text := []rune(row.CreatedBy); !f.whole && len(text) > createdByWidth {
			row.CreatedBy = string(text[:createdByWidth-1]) + "…"
		}
		rows[len(rows)-1-i] = row
	}
	if len(rows) > 0 {
		if rows[0].ID = d.ID; !f.whole {
			rows[0].ID = shortDigest(d.ID)
		}
	}
	return rows
}

func historyTable() list[historyRow] {
	return list[historyRow]{
		name: func(r historyRow) string { return r.ID },
		headers: headers{
			"Comment": "COMMENT", "CreatedAt": "CREATED AT", "CreatedBy": "CREATED BY", "CreatedSince": "CREATED", "ID": "IMAGE", "Size": "SIZE",
		},
		columns: []string{"IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"},
		cells:   func(r historyRow) []string { return []string{r.ID, r.CreatedSince, r.CreatedBy, r.Size, r.Comment} },
	}
}
