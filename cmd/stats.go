package cmd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/view"
)

type statsFlags struct {
	all, noStream, noTrunc bool
	format                 string
}

func (a *app) statsCommand() *cobra.Command {
	var f statsFlags
	c := &cobra.Command{
		Use:   "stats [OPTIONS] [SERVICE...]",
		Short: "Display a live stream of container(s) resource usage statistics",
		Long: "Shows once a second how much of the processors, of memory, networks and disks containers use; Ctrl-C ends it. On a terminal it\n" +
			"is drawn over what it drew before. 100 % is all of one processor, or of the memory that a container may have. Memory that\n" +
			"only keeps files which nobody has used for a while is not counted. A container in the host's network has no NET I/O of its own.",
		Example: "  gocompose stats --no-stream --format '{{.Name}} {{.MemUsage}}'",
		RunE: func(c *cobra.Command, services []string) error {
			return a.stats(c.Context(), f, services)
		},
	}
	fs := c.Flags()
	fs.BoolVarP(&f.all, "all", "a", false, "Show all containers (default shows just running)")
	fs.StringVar(&f.format, "format", "table", `Format the output: table, json, or a Go template, as in "table {{.Name}}\t{{.CPUPerc}}"`)
	fs.BoolVar(&f.noStream, "no-stream", false, "Disable streaming stats and only pull the first result")
	fs.BoolVar(&f.noTrunc, "no-trunc", false, "Do not truncate output (nothing is: IDs are whole in any case)")
	return c
}

const (
	// firstMeasure is the time over which processors are measured before anything is
	// shown; statsInterval is that of what follows, docker's.
	firstMeasure  = 500 * time.Millisecond
	statsInterval = time.Second
)

func (a *app) stats(ctx context.Context, f statsFlags, services []string) error {
	if f.format == "" {
		f.format = "table"
	}
	r, err := listRows(f.format)
	if err != nil {
		return err
	}
	m, err := a.measure(ctx, services)
	if err != nil {
		return err
	}
	defer m.close()
	if _, err := m.next(ctx); err != nil {
		return err
	}
	show, end := a.refreshing(f)
	defer end()
	for pause := firstMeasure; ; pause = statsInterval {
		if !waitFor(ctx, pause) {
			return &exitError{exitInterrupted, nil}
		}
		now, err := m.next(ctx)
		if err != nil {
			return err
		}
		var text strings.Builder
		if err := statsTable().write(&text, f.stats(now), f.format, r); err != nil {
			return err
		}
		if err := show(text.String()); err != nil || f.noStream {
			return err
		}
	}
}

// refreshing returns how one text after the other is shown, and what to call at the
// end: on a terminal each over the one before, but for JSON, which is for programs.
func (a *app) refreshing(f statsFlags) (show func(text string) error, end func()) {
	if f.noStream || f.format == "json" || a.look(a.Out).Mode(view.ModeAuto) != view.ModeTTY {
		return func(text string) error {
			_, err := io.WriteString(a.Out, text)
			return err
		}, func() {}
	}
	r := view.NewRefresh(a.Out, nil)
	return r.Draw, r.Close
}

// waitFor is false when ctx ends before the time has passed.
func waitFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// stats are the rows of what is to be shown.
func (f statsFlags) stats(all []measured) []stat {
	all = slices.DeleteFunc(slices.Clone(all), func(m measured) bool { return !f.all && !hasProcess(m.Info) })
	rows := make([]stat, len(all))
	for i, m := range all {
		rows[i] = newStat(m)
	}
	return rows
}

// stat is a row as docker's `stats --format json` has it.
type stat struct {
	BlockIO   string
	CPUPerc   string
	Container string
	ID        string
	MemPerc   string
	MemUsage  string
	Name      string
	NetIO     string
	PIDs      string
}

func newStat(m measured) stat {
	c := m.now
	if !hasProcess(m.Info) {
		c.Limit = 0
	}
	return stat{
		BlockIO:   bytesPair(c.Read, c.Written),
		CPUPerc:   fmt.Sprintf("%.2f%%", m.cpu),
		Container: m.ID,
		ID:        m.ID,
		MemPerc:   fmt.Sprintf("%.2f%%", c.MemoryShare()),
		MemUsage:  units.BytesSize(float64(c.Memory)) + " / " + units.BytesSize(float64(c.Limit)),
		Name:      m.Name,
		NetIO:     bytesPair(c.Received, c.Sent),
		PIDs:      fmt.Sprint(c.Processes),
	}
}

func bytesPair(x, y uint64) string {
	return units.HumanSizeWithPrecision(float64(x), 3) + " / " + units.HumanSizeWithPrecision(float64(y), 3)
}

func statsTable() list[stat] {
	return list[stat]{
		name: func(s stat) string { return s.ID },
		headers: headers{
			"BlockIO": "BLOCK I/O", "CPUPerc": "CPU %", "Container": "CONTAINER", "ID": "CONTAINER ID", "MemPerc": "MEM %",
			"MemUsage": "MEM USAGE / LIMIT", "Name": "NAME", "NetIO": "NET I/O", "PIDs": "PIDS",
		},
		columns: []string{"CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"},
		cells: func(s stat) []string {
			return []string{s.ID, s.Name, s.CPUPerc, s.MemUsage, s.MemPerc, s.NetIO, s.BlockIO, s.PIDs}
		},
	}
}
