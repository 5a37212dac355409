package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/view"
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
		RunE: func(c *cobra.Command, services []string) error {
			return a.ps(c.Context(), f, services)
		},
	}
	fs := c.Flags()
	fs.BoolVarP(&f.all, "all", "a", false, "Show all stopped containers")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Only display IDs")
	fs.BoolVar(&f.services, "services", false, "Display services")
	fs.BoolVar(&f.noTrunc, "no-trunc", false, "Don't truncate output")
	fs.BoolVar(&f.orphans, "orphans", true, "Include orphaned services (not declared by project)")
	fs.StringVar(&f.format, "format", "table", "Format the output. Values: [table | json]")
	fs.StringArrayVar(&f.status, "status", nil, "Filter services by status. Values: [paused | running | created | exited]")
	fs.StringVar(&f.filter, "filter", "", "Filter services by a property (supported filters: status)")
	return c
}

func (a *app) ps(ctx context.Context, f psFlags, services []string) error {
	if err := f.check(); err != nil {
		return err
	}
	name, p, err := a.wanted(ctx, change{fileless: true, load: allProfiles})
	if err != nil {
		return err
	}
	infos, err := a.containers(ctx, name)
	if err != nil {
		return err
	}
	known, err := knownServices(p, infos, services)
	if err != nil {
		return err
	}
	infos = slices.DeleteFunc(infos, func(i host.Info) bool {
		orphan := p != nil && !slices.Contains(p.Known, i.Spec.Service)
		return !f.shows(i) || orphan && !f.orphans || len(services) > 0 && !slices.Contains(known, i.Spec.Service)
	})
	slices.SortFunc(infos, func(x, y host.Info) int {
		return cmp.Or(cmp.Compare(x.Spec.Service, y.Spec.Service), cmp.Compare(x.Spec.Replica, y.Spec.Replica))
	})
	return a.printContainers(infos, f)
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
		if !slices.Contains([]string{"paused", "restarting", "removing", "running", "dead", "created", "exited"}, s) {
			return usage("unknown status %q: paused, restarting, removing, running, dead, created or exited", s)
		}
	}
	if f.format != "table" && f.format != "json" {
		return usage("unknown format %q: table or json", f.format)
	}
	return nil
}

func (f *psFlags) shows(i host.Info) bool {
	if len(f.status) > 0 {
		return slices.Contains(f.status, string(i.State))
	}
	return f.all || i.Running()
}

// containers returns what exists of a project.
func (a *app) containers(ctx context.Context, name string) ([]host.Info, error) {
	h, err := a.openExisting(ctx)
	if h == nil {
		return nil, err
	}
	defer h.Close()
	return h.Containers(ctx, name)
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

// knownServices returns the services asked for, and refuses unknown ones.
func knownServices(p *project.Project, infos []host.Info, asked []string) ([]string, error) {
	var known []string
	if p != nil {
		known = p.Known
	}
	for _, s := range asked {
		exists := slices.ContainsFunc(infos, func(i host.Info) bool { return i.Spec.Service == s })
		if !exists && !slices.Contains(known, s) {
			return nil, fmt.Errorf("no such service: %s", s)
		}
	}
	return asked, nil
}

func (a *app) printContainers(infos []host.Info, f psFlags) error {
	switch {
	case f.services:
		return a.printServices(infos)
	case f.quiet:
		for _, i := range infos {
			fmt.Fprintln(a.Out, i.ID)
		}
		return nil
	case f.format == "json":
		enc := json.NewEncoder(a.Out)
		enc.SetEscapeHTML(false)
		for _, i := range infos {
			if err := enc.Encode(describe(i, f.noTrunc)); err != nil {
				return err
			}
		}
		return nil
	}
	t := view.NewTable("NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS")
	for _, i := range infos {
		d := describe(i, f.noTrunc)
		t.Row(d.Name, d.Image, d.Command, d.Service, d.RunningFor, d.Status, d.Ports)
	}
	return t.Write(a.Out)
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

// description is a container as docker compose's `ps --format json` has it.
type description struct {
	Command      string
	CreatedAt    string
	ExitCode     int
	Health       string
	ID           string
	Image        string
	Labels       string
	LocalVolumes string
	Mounts       string
	Name         string
	Names        string
	Networks     string
	Ports        string
	Project      string
	Publishers   []publisher
	RunningFor   string
	Service      string
	Size         string
	State        string
	Status       string
}

type publisher struct {
	URL           string
	TargetPort    uint16
	PublishedPort uint16
	Protocol      string
}

// maxCommand is how much of a command docker compose shows, in characters.
const maxCommand = 20

func describe(i host.Info, whole bool) description {
	d := description{
		Command:    `"` + truncate(strings.Join(i.Command, " "), whole) + `"`,
		CreatedAt:  i.CreatedAt.Local().Format("2006-01-02 15:04:05 -0700 MST"),
		ExitCode:   i.ExitCode,
		ID:         i.ID,
		Image:      familiar(i.Spec.Image),
		Labels:     join(i.Labels),
		Name:       i.Name,
		Names:      i.Name,
		Ports:      portsText(i),
		Project:    i.Spec.Project,
		Publishers: publishers(i),
		RunningFor: ago(i.CreatedAt),
		Service:    i.Spec.Service,
		Size:       "0B",
		State:      string(i.State),
		Status:     status(i, time.Now()),
	}
	var nets, mounts []string
	volumes := 0
	for _, n := range i.Spec.Networks {
		nets = append(nets, n.Network)
	}
	for _, m := range i.Spec.Mounts {
		if m.Type == project.MountVolume {
			volumes++
		}
		if m.Source != "" {
			mounts = append(mounts, m.Source)
		}
	}
	d.LocalVolumes = fmt.Sprint(volumes)
	d.Networks, d.Mounts = strings.Join(nets, ","), strings.Join(mounts, ",")
	return d
}

func truncate(s string, whole bool) string {
	if r := []rune(s); !whole && len(r) > maxCommand {
		return string(r[:maxCommand-1]) + "…"
	}
	return s
}

func join(labels map[string]string) string {
	var out []string
	for k, v := range labels {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// familiar is the reference as people write it: "nginx:1.27".
func familiar(ref string) string {
	ref = strings.TrimPrefix(ref, "docker.io/")
	return strings.TrimPrefix(ref, "library/")
}

// status is Docker's words for a container's state.
func status(i host.Info, now time.Time) string {
	switch i.State {
	case planner.StateRunning:
		return "Up " + units.HumanDuration(now.Sub(i.StartedAt))
	case planner.StatePaused:
		return "Up " + units.HumanDuration(now.Sub(i.StartedAt)) + " (Paused)"
	case planner.StateExited:
		text := fmt.Sprintf("Exited (%d)", i.ExitCode)
		if !i.ExitedAt.IsZero() {
			text += " " + units.HumanDuration(now.Sub(i.ExitedAt)) + " ago"
		}
		return text
	default:
		return "Created"
	}
}

func publishers(i host.Info) []publisher {
	out := []publisher{}
	for _, p := range i.Ports {
		for _, url := range hostAddresses(p) {
			out = append(out, publisher{url, p.Target, p.HostPort, p.Protocol})
		}
	}
	return out
}

func hostAddresses(p endpoint.Port) []string {
	if p.HostIP == "" {
		return []string{"0.0.0.0", "::"}
	}
	return []string{p.HostIP}
}

func portsText(i host.Info) string {
	var out []string
	for _, p := range i.Ports {
		for _, addr := range hostAddresses(p) {
			if strings.Contains(addr, ":") {
				addr = "[" + addr + "]"
			}
			out = append(out, fmt.Sprintf("%s:%d->%d/%s", addr, p.HostPort, p.Target, p.Protocol))
		}
	}
	published := func(target string) bool {
		return slices.ContainsFunc(i.Ports, func(p endpoint.Port) bool {
			return fmt.Sprintf("%d/%s", p.Target, p.Protocol) == target
		})
	}
	for _, e := range i.Spec.Expose {
		if i.Running() && !published(e) {
			out = append(out, e)
		}
	}
	return strings.Join(out, ", ")
}
