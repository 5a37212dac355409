package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/view"
)

type logsFlags struct {
	follow, timestamps, noPrefix, noColor bool
	tail, since, until                    string
	index                                 int
}

func (a *app) logsCommand() *cobra.Command {
	var f logsFlags
	c := &cobra.Command{
		Use:   "logs [OPTIONS] [SERVICE...]",
		Short: "View output from containers",
		Long: "Prints what the services' containers have printed, merged by time, with the name of its container before each\n" +
			"line; with --follow also what they go on to print, until none is left that runs or is going to.",
		Example: "gocompose logs --tail 20 --follow\ngocompose logs --since 10m --no-log-prefix web",
		RunE: func(c *cobra.Command, services []string) error {
			return a.logs(c.Context(), f, services)
		},
	}
	fs := c.Flags()
	f.add(fs)
	fs.BoolVar(&f.noPrefix, "no-log-prefix", false, "Don't print prefix in logs")
	fs.BoolVar(&f.noColor, "no-color", false, "Produce monochrome output")
	fs.IntVar(&f.index, "index", 0, "Index of the container if service has multiple replicas")
	return c
}

// add adds the flags that are also those of a single container's logs.
func (f *logsFlags) add(fs *pflag.FlagSet) {
	fs.BoolVarP(&f.follow, "follow", "f", false, "Follow log output")
	fs.BoolVarP(&f.timestamps, "timestamps", "t", false, "Show timestamps")
	fs.StringVarP(&f.tail, "tail", "n", "all", "Number of lines to show from the end of the logs for each container")
	fs.StringVar(&f.since, "since", "", "Show logs since timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)")
	fs.StringVar(&f.until, "until", "", "Show logs before a timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)")
}

func (f logsFlags) query(now time.Time) (logs.Query, error) {
	q := logs.Query{Tail: -1}
	if f.tail != "all" {
		n, err := strconv.Atoi(f.tail)
		if err != nil {
			return q, usage("--tail is %q: a number of lines, or all", f.tail)
		}
		q.Tail = n
	}
	var err error
	if q.Since, err = when(f.since, now); err != nil {
		return q, usage("--since: %v", err)
	}
	if q.Until, err = when(f.until, now); err != nil {
		return q, usage("--until: %v", err)
	}
	return q, nil
}

// when reads a point in time: RFC 3339, with less of it in local time, seconds
// since 1970, or a duration before now.
func when(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	if sec, err := strconv.ParseFloat(s, 64); err == nil {
		return time.Unix(0, int64(sec*1e9)), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: 2013-01-02T13:23:37Z, or 42m for 42 minutes ago", s)
}

func (a *app) logs(ctx context.Context, f logsFlags, services []string) error {
	q, err := f.query(time.Now())
	if err != nil {
		return err
	}
	name, p, err := a.wanted(ctx, change{fileless: true, load: existing})
	if err != nil {
		return err
	}
	h, infos, err := a.openContainers(ctx, name)
	if err != nil {
		return err
	}
	defer h.Close()
	if err := knownServices(p, infos, services); err != nil {
		return err
	}
	wanted := f.of(services)
	infos = slices.DeleteFunc(replicas(infos), func(i host.Info) bool { return !wanted(i.Spec.Service, i.Spec.Replica) })
	slices.SortFunc(infos, byService)
	a.warnOfUnkept(infos)
	lines := view.NewLogs(a.Out, view.LogOptions{
		NoPrefix:   f.noPrefix,
		Timestamps: f.timestamps,
		Colour:     !f.noColor && a.look(a.Out).Colours(),
		Buffered:   true,
	})
	if !f.follow || len(infos) == 0 {
		return printLogs(ctx, lines, infos, q)
	}
	where, err := a.paths()
	if err != nil {
		return err
	}
	return followLogs(ctx, newAttachment(hostWorld{h, where}, lines, attachOptions{
		project: name, shows: wanted, minds: wanted, began: time.Now(), names: logNames(infos),
	}), infos, q)
}

// warnOfUnkept says of which containers there is nothing to show.
func (a *app) warnOfUnkept(infos []host.Info) {
	for i, name := range logNames(infos) {
		switch l := infos[i].Spec.Logging; {
		case l.NotKept:
			a.warn(fmt.Sprintf("%s keeps no log: its driver, %s, only sends it; remove cache-disabled to have it here too", name, l.Driver))
		case !l.Kept():
			a.warn(fmt.Sprintf("%s keeps no log: its driver is %s", name, l.Driver))
		}
	}
}

// of returns which containers the flags and the services named are about.
func (f logsFlags) of(services []string) func(service string, replica int) bool {
	return func(service string, replica int) bool {
		return (len(services) == 0 || slices.Contains(services, service)) && (f.index <= 0 || replica == f.index)
	}
}

// logNames are the names of containers as they stand before their lines.
func logNames(infos []host.Info) []string {
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = displayName(info.Name, info.Spec.Project)
	}
	return names
}

// printLogs prints what is there.
func printLogs(ctx context.Context, lines *view.Logs, infos []host.Info, q logs.Query) error {
	sources := make([]logs.Source, len(infos))
	for i, name := range logNames(infos) {
		sources[i] = logs.Source{Name: name, Dir: infos[i].Dir}
		lines.Register(name)
	}
	err := logs.Merge(ctx, sources, q, func(s logs.Source, e logs.Entry) error { return lines.Print(s.Name, e) })
	return errors.Join(err, lines.Close())
}

// followLogs prints what is there and what comes, until none of the containers
// is left running, or the query's time has passed.
func followLogs(ctx context.Context, at *attachment, infos []host.Info, q logs.Query) error {
	until := ctx
	if !q.Until.IsZero() {
		var cancel context.CancelFunc
		until, cancel = context.WithDeadline(ctx, q.Until)
		defer cancel()
	}
	at.begin(ctx, infos, q)
	err := at.wait(until, func([]end) bool { return false })
	if err != nil && until.Err() != nil {
		err = nil // it is meant to end
	}
	err = errors.Join(err, at.close())
	if ctx.Err() != nil {
		return &exitError{exitInterrupted, err}
	}
	return err
}
