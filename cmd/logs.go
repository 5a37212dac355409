package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

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
		RunE: func(c *cobra.Command, services []string) error {
			return a.logs(c.Context(), f, services)
		},
	}
	fs := c.Flags()
	fs.BoolVarP(&f.follow, "follow", "f", false, "Follow log output")
	fs.BoolVarP(&f.timestamps, "timestamps", "t", false, "Show timestamps")
	fs.BoolVar(&f.noPrefix, "no-log-prefix", false, "Don't print prefix in logs")
	fs.BoolVar(&f.noColor, "no-color", false, "Produce monochrome output")
	fs.StringVarP(&f.tail, "tail", "n", "all", "Number of lines to show from the end of the logs for each container")
	fs.StringVar(&f.since, "since", "", "Show logs since timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)")
	fs.StringVar(&f.until, "until", "", "Show logs before a timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)")
	fs.IntVar(&f.index, "index", 0, "Index of the container if service has multiple replicas")
	return c
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
	if _, err := f.query(time.Now()); err != nil {
		return err
	}
	name, p, err := a.wanted(ctx, change{fileless: true, load: existing})
	if err != nil {
		return err
	}
	h, err := a.openExisting(ctx)
	if err != nil {
		return err
	}
	var infos []host.Info
	if h != nil {
		defer h.Close()
		if infos, err = h.Containers(ctx, name); err != nil {
			return err
		}
	}
	if _, err := knownServices(p, infos, services); err != nil {
		return err
	}
	infos = slices.DeleteFunc(infos, func(i host.Info) bool {
		return len(services) > 0 && !slices.Contains(services, i.Spec.Service) || f.index > 0 && i.Spec.Replica != f.index
	})
	slices.SortFunc(infos, func(x, y host.Info) int {
		return cmp.Or(cmp.Compare(x.Spec.Service, y.Spec.Service), cmp.Compare(x.Spec.Replica, y.Spec.Replica))
	})
	return a.printLogs(ctx, h, infos, f)
}

func (a *app) printLogs(ctx context.Context, h *host.Host, infos []host.Info, f logsFlags) error {
	q, err := f.query(time.Now())
	if err != nil {
		return err
	}
	lines := view.NewLogs(a.Out, view.LogOptions{
		NoPrefix:   f.noPrefix,
		Timestamps: f.timestamps,
		Colour:     !f.noColor && a.look(a.Out).Colours(),
		Buffered:   !f.follow,
	})
	emit := func(s logs.Source, e logs.Entry) error { return lines.Print(s.Name, e) }
	sources := make([]logs.Source, len(infos))
	for i, info := range infos {
		sources[i] = logs.Source{Name: logName(info), Dir: info.Dir}
		lines.Register(sources[i].Name)
	}
	if !f.follow {
		return errors.Join(logs.Merge(ctx, sources, q, emit), lines.Close())
	}
	follower := logs.NewFollower(logs.FollowOptions{Emit: emit})
	var waits sync.WaitGroup
	wctx, cancel := context.WithCancel(ctx)
	defer waits.Wait()
	defer cancel()
	for i, info := range infos {
		follower.Add(sources[i], q)
		waits.Go(func() { _, _ = h.Wait(wctx, info.ID) })
	}
	go func() { waits.Wait(); follower.Finish() }()
	err = follower.Run(ctx)
	if err != nil && errors.Is(err, ctx.Err()) {
		return errors.Join(lines.Close(), &exitError{code: exitInterrupted})
	}
	return errors.Join(err, lines.Close())
}

// logName is how docker compose names a container before its lines: without
// the project, unless the name was chosen by the user.
func logName(i host.Info) string {
	return strings.TrimPrefix(i.Name, i.Spec.Project+"-")
}
