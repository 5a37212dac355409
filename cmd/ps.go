package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/project"
)

type psFlags struct {
	all, quiet, services, noTrunc, orphans bool
	format                                 string
	status                                 []string
	filter                                 string
}

func (a *app) psCommand() *cobra.Command {
	var f psFlags
	c := &cobra.Command{
		Use:   "ps [OPTIONS] [SERVICE...]",
		Short: "List containers",
		Long: "Lists the project's containers that run or are going to be started again; with --all those, too, that have ended.\n" +
			"Beside a container with a health check stands how it is: (health: starting), (healthy) or (unhealthy). How its checks\n" +
			"went is in `gocompose inspect`.",
		Example: "gocompose ps -a\ngocompose ps --status exited --format '{{.Name}} {{.ExitCode}}'\ngocompose ps --format json",
		RunE: func(c *cobra.Command, services []string) error {
			return a.ps(c.Context(), f, services)
		},
	}
	fs := c.Flags()
	fs.BoolVarP(&f.all, "all", "a", false, "Show all stopped containers (including those created by the run command)")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Only display IDs")
	fs.BoolVar(&f.services, "services", false, "Display services")
	fs.BoolVar(&f.noTrunc, "no-trunc", false, "Don't truncate output")
	fs.BoolVar(&f.orphans, "orphans", true, "Include orphaned services (not declared by project)")
	fs.StringVar(&f.format, "format", "table", `Format the output: table, json, or a Go template, as in "table {{.Name}}\t{{.Status}}"`)
	fs.StringArrayVar(&f.status, "status", nil, "Filter services by status. Values: [paused | restarting | removing | running | dead | created | exited]")
	fs.StringVar(&f.filter, "filter", "", "Filter services by a property (supported filters: status)")
	return c
}

func (a *app) ps(ctx context.Context, f psFlags, services []string) error {
	if err := f.check(); err != nil {
		return err
	}
	p, infos, err := a.ofServices(ctx, services)
	if err != nil {
		return err
	}
	infos = slices.DeleteFunc(infos, func(i host.Info) bool {
		orphan := p != nil && !slices.Contains(p.Known, i.Spec.Service)
		return !f.shows(i) || orphan && !f.orphans
	})
	return a.printContainers(infos, f, time.Now())
}

// ofServices returns the containers of the services, or of all, by service and
// number, those of `run` last. The project is nil without Compose files.
func (a *app) ofServices(ctx context.Context, services []string) (*project.Project, []host.Info, error) {
	name, p, err := a.wanted(ctx, change{fileless: true, load: existing})
	if err != nil {
		return nil, nil, err
	}
	infos, err := a.containers(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if err := knownServices(p, infos, services); err != nil {
		return nil, nil, err
	}
	infos = slices.DeleteFunc(infos, func(i host.Info) bool {
		return len(services) > 0 && !slices.Contains(services, i.Spec.Service)
	})
	slices.SortFunc(infos, byService)
	return p, infos, nil
}

// byService sorts containers by service and number, those of `run` last.
func byService(x, y host.Info) int {
	return cmp.Or(cmp.Compare(x.Spec.Service, y.Spec.Service), last(x.Spec.OneOff(), y.Spec.OneOff()),
		cmp.Compare(x.Spec.Replica, y.Spec.Replica), cmp.Compare(x.Name, y.Name))
}

func (f *psFlags) check() error {
	if f.filter != "" {
		key, value, _ := strings.Cut(f.filter, "=")
		if key != "status" {
			return usage("unknown filter %q: status=STATE", f.filter)
		}
		f.status = append(f.status, value)
	}
	for _, s := range f.status {
		if !slices.Contains(statuses(), s) {
			return usage("unknown status %q: %s", s, strings.Join(statuses(), ", "))
		}
	}
	_, err := listRows(f.format)
	return err
}

func (f *psFlags) shows(i host.Info) bool {
	if len(f.status) > 0 {
		return slices.Contains(f.status, string(i.State))
	}
	return f.all || i.Running()
}

// containers returns what exists of a project.
func (a *app) containers(ctx context.Context, name string) ([]host.Info, error) {
	h, infos, err := a.openContainers(ctx, name)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return infos, nil
}

// openContainers returns the host for commands that only look, and what exists of a
// project; with "" of all. Where nothing ever ran there is nothing, and no host.
func (a *app) openContainers(ctx context.Context, project string) (*host.Host, []host.Info, error) {
	h, err := a.openExisting(ctx)
	if h == nil || err != nil {
		return nil, nil, err
	}
	infos, err := h.Containers(ctx, project)
	if err != nil {
		return nil, nil, errors.Join(err, h.Close())
	}
	return h, infos, nil
}

// openExisting returns the host for commands that only look, or nil without an
// error where nothing ever ran.
func (a *app) openExisting(ctx context.Context) (*host.Host, error) {
	cfg, err := a.hostConfig()
	if err != nil {
		return nil, err
	}
	h, err := host.OpenExisting(ctx, cfg)
	if errors.Is(err, host.ErrNothingHere) {
		return nil, nil
	}
	return h, err
}

// knownServices refuses services that are unknown.
func knownServices(p *project.Project, infos []host.Info, asked []string) error {
	var known []string
	if p != nil {
		known = p.Known
	}
	for _, s := range asked {
		exists := slices.ContainsFunc(infos, func(i host.Info) bool { return i.Spec.Service == s })
		if !exists && !slices.Contains(known, s) {
			return errNoSuchService(s, known, infos)
		}
	}
	return nil
}

func (a *app) printContainers(infos []host.Info, f psFlags, now time.Time) error {
	if f.services {
		return a.printServices(infos)
	}
	r, err := listRows(f.format)
	if err != nil {
		return err
	}
	items := make([]description, len(infos))
	for i, info := range infos {
		items[i] = describeAt(info, f.noTrunc, now)
	}
	if f.quiet {
		return containerTable().writeNames(a.Out, items)
	}
	return containerTable().write(a.Out, items, f.format, r)
}

func containerTable() list[description] {
	return list[description]{
		name:    func(d description) string { return d.ID },
		headers: containerHeaders(),
		columns: []string{"NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"},
		cells: func(d description) []string {
			return []string{d.Name, d.Image, d.Command, d.Service, d.RunningFor, d.Status, d.Ports}
		},
	}
}

func (a *app) printServices(infos []host.Info) error {
	var names []string
	for _, i := range infos {
		names = append(names, i.Spec.Service)
	}
	for _, n := range slices.Compact(names) { // infos are sorted by service
		if _, err := fmt.Fprintln(a.Out, n); err != nil {
			return err
		}
	}
	return nil
}

func containerHeaders() headers {
	return headers{
		"Command": "COMMAND", "CreatedAt": "CREATED AT", "ExitCode": "EXIT CODE", "Health": "HEALTH", "ID": "CONTAINER ID",
		"Image": "IMAGE", "Labels": "LABELS", "LocalVolumes": "LOCAL VOLUMES", "Mounts": "MOUNTS", "Name": "NAME", "Names": "NAMES",
		"Networks": "NETWORKS", "Ports": "PORTS", "Project": "PROJECT", "Publishers": "PUBLISHERS", "RunningFor": "CREATED",
		"Service": "SERVICE", "Size": "SIZE", "State": "STATE", "Status": "STATUS",
	}
}
