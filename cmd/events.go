package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/events"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
)

type eventsFlags struct {
	json         bool
	since, until string
}

func (a *app) eventsCommand() *cobra.Command {
	var f eventsFlags
	c := &cobra.Command{
		Use:   "events [OPTIONS] [SERVICE...]",
		Short: "Receive real time events from containers",
		Long: "Tells what happens to the project's containers, whoever does it, until Ctrl-C or --until: create, start, restart, pause, unpause,\n" +
			"kill, oom, die, stop, destroy, health_status, exec_create, exec_start and exec_die. With --since or --until it begins with what\n" +
			"has happened before: the latest events of all projects are kept, 10,000 or so, also over a reboot. Containers of\n" +
			"`gocompose run` are left out.",
		Example: "  gocompose events --json --since 10m web",
		RunE: func(c *cobra.Command, services []string) error {
			return a.events(c.Context(), f, services)
		},
	}
	fs := c.Flags()
	fs.BoolVar(&f.json, "json", false, "Output events as a stream of json objects")
	fs.StringVar(&f.since, "since", "", "Show all events created since timestamp (2013-01-02T13:23:37Z, or 42m for 42 minutes ago)")
	fs.StringVar(&f.until, "until", "", "Stream events until this timestamp")
	return c
}

func (f eventsFlags) query(now time.Time) (q events.Query, err error) {
	if q.Since, err = when(f.since, now); err != nil {
		return q, usage("--since: %v", err)
	}
	if q.Until, err = when(f.until, now); err != nil {
		return q, usage("--until: %v", err)
	}
	return q, nil
}

func (a *app) events(ctx context.Context, f eventsFlags, services []string) error {
	q, err := f.query(time.Now())
	if err != nil {
		return err
	}
	name, p, err := a.wanted(ctx, change{fileless: true, load: existing})
	if err != nil {
		return err
	}
	where, err := a.paths()
	if err != nil {
		return err
	}
	journal := events.In(where.Events())
	if err := a.hadServices(ctx, where, p, services); err != nil {
		return err
	}
	err = journal.Read(ctx, q, func(e events.Event) error {
		if e.Project != name || e.OneOff || len(services) > 0 && !slices.Contains(services, e.Service) {
			return nil
		}
		return writeEvent(a.Out, e, f.json)
	})
	switch {
	case errors.Is(err, fs.ErrPermission):
		return host.ErrNotRoot
	case err != nil && ctx.Err() != nil:
		return &exitError{exitInterrupted, nil}
	}
	return err
}

// hadServices refuses services that neither the project has nor a container or an
// event is of. Without a file any may come.
func (a *app) hadServices(ctx context.Context, where paths.Paths, p *project.Project, services []string) error {
	strange := func(s string) bool { return p != nil && !slices.Contains(p.Known, s) }
	if !slices.ContainsFunc(services, strange) {
		return nil
	}
	had := map[string]bool{}
	err := events.In(where.Events()).Read(ctx, events.Query{Until: time.Now()}, func(e events.Event) error {
		had[e.Service] = had[e.Service] || e.Project == p.Name
		return nil
	})
	if errors.Is(err, fs.ErrPermission) {
		return host.ErrNotRoot
	}
	for _, s := range services {
		if err == nil && strange(s) && !had[s] {
			err = fmt.Errorf("no such service: %s", s)
		}
	}
	return err
}

// writeEvent writes an event as docker compose does, but attributes in the order of
// their names, and no empty lines between.
func writeEvent(w io.Writer, e events.Event, asJSON bool) error {
	if !asJSON {
		var attributes []string
		for _, k := range slices.Sorted(maps.Keys(e.Attributes)) {
			attributes = append(attributes, k+"="+e.Attributes[k])
		}
		_, err := fmt.Fprintln(w, singleLine(fmt.Sprintf("%s container %s %s (%s)",
			e.Time.Local().Format("2006-01-02 15:04:05.000000"), e.Action, e.ID, strings.Join(attributes, ", "))))
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(map[string]any{
		"time": e.Time.Local(), "type": "container", "service": e.Service, "id": e.ID, "action": e.Action, "attributes": e.Attributes,
	})
}

// singleLine keeps an event on its line: what programs are called with may have
// lines in it.
func singleLine(s string) string { return strings.NewReplacer("\n", `\n`, "\r", `\r`).Replace(s) }
