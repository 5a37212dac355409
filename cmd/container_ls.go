package cmd

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

type containerListFlags struct {
	all, quiet, noTrunc, latest bool
	last                        int
	format                      string
	filter                      []string
}

func (a *app) containerListCommand() *cobra.Command {
	var f containerListFlags
	c := &cobra.Command{
		Use:     "ls [OPTIONS]",
		Aliases: []string{"list", "ps"},
		Short:   "List containers",
		Long: "Lists the containers of all projects that run or are going to be started again, the newest first; with --all those,\n" +
			"too, that do not. A filter by name or ID takes a part of it, or a regular expression.",
		Example: "gocompose container ls -a --filter label=com.docker.compose.project=shop\n" +
			`gocompose container ls --format '{{.Names}}\t{{.Label "com.docker.compose.project"}}'`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.containerList(c.Context(), f) },
	}
	fs := c.Flags()
	fs.BoolVarP(&f.all, "all", "a", false, "Show all containers (default shows just running)")
	fs.StringArrayVarP(&f.filter, "filter", "f", nil, `Filter output based on conditions provided (e.g. "status=exited"): ancestor, before, exited, expose, `+
		"health, id, label, name, network, publish, since, status, volume")
	fs.StringVar(&f.format, "format", "table", `Format the output: table, json, or a Go template, as in "table {{.Names}}\t{{.Status}}"`)
	fs.IntVarP(&f.last, "last", "n", -1, "Show n last created containers (includes all states)")
	fs.BoolVarP(&f.latest, "latest", "l", false, "Show the latest created container (includes all states)")
	fs.BoolVar(&f.noTrunc, "no-trunc", false, "Don't truncate output")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Only display container IDs")
	return c
}

func (a *app) containerList(ctx context.Context, f containerListFlags) error {
	if _, err := listRows(f.format); err != nil {
		return err
	}
	if _, err := newContainerFilters(f.filter, nil); err != nil {
		return err
	}
	all, err := a.allContainers(ctx)
	if err != nil {
		return err
	}
	filters, err := newContainerFilters(f.filter, all)
	if err != nil {
		return err
	}
	return a.printAllContainers(f.choose(all, filters), f, time.Now())
}

// choose returns the containers that are to be shown, the newest first.
func (f containerListFlags) choose(all []host.Info, filters filters[host.Info]) []host.Info {
	if f.latest {
		f.last = 1
	}
	whole := f.all || f.last > 0 || filters.has("status")
	all = slices.DeleteFunc(slices.Clone(all), func(i host.Info) bool {
		return !whole && !i.Running() || !filters.accept(i)
	})
	slices.SortFunc(all, func(x, y host.Info) int {
		return cmp.Or(y.CreatedAt.Compare(x.CreatedAt), cmp.Compare(x.Name, y.Name))
	})
	if f.last > 0 {
		all = all[:min(f.last, len(all))]
	}
	return all
}

func (a *app) printAllContainers(all []host.Info, f containerListFlags, now time.Time) error {
	r, err := listRows(f.format)
	if err != nil {
		return err
	}
	items := make([]containerRow, len(all))
	for n, i := range all {
		items[n] = containerRowOf(i, f.noTrunc, now)
	}
	if f.quiet {
		return allContainersTable().writeNames(a.Out, items)
	}
	return allContainersTable().write(a.Out, items, f.format, r)
}

func allContainersTable() list[containerRow] {
	return list[containerRow]{
		name:    func(r containerRow) string { return r.ID },
		headers: containerRowHeaders(),
		columns: []string{"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"},
		cells: func(r containerRow) []string {
			return []string{r.ID, r.Image, r.Command, r.RunningFor, r.Status, r.Ports, r.Names}
		},
	}
}

// containerRow is a container as docker's `container ls --format json` has it.
type containerRow struct {
	Command      string
	CreatedAt    string
	ID           string
	Image        string
	Labels       string
	LocalVolumes string
	Mounts       string
	Names        string
	Networks     string
	Platform     string // "linux/arm64"; empty: the host's own
	Ports        string
	RunningFor   string
	Size         string
	State        string
	Status       string

	labels map[string]string
}

// Label returns the value of one label, for templates.
func (r containerRow) Label(name string) string { return r.labels[name] }

func containerRowOf(i host.Info, whole bool, now time.Time) containerRow {
	d := describeAt(i, whole, now)
	return containerRow{
		Command: d.Command, CreatedAt: d.CreatedAt, ID: d.ID, Image: d.Image, Labels: d.Labels, LocalVolumes: d.LocalVolumes,
		Mounts: d.Mounts, Names: d.Names, Networks: d.Networks, Platform: i.Spec.Platform, Ports: d.Ports,
		RunningFor: d.RunningFor, Size: d.Size, State: d.State, Status: d.Status, labels: d.labels,
	}
}

func containerRowHeaders() headers {
	return headers{
		"Command": "COMMAND", "CreatedAt": "CREATED AT", "ID": "CONTAINER ID", "Image": "IMAGE", "Labels": "LABELS",
		"LocalVolumes": "LOCAL VOLUMES", "Mounts": "MOUNTS", "Names": "NAMES", "Networks": "NETWORKS", "Platform": "PLATFORM",
		"Ports": "PORTS", "RunningFor": "CREATED", "Size": "SIZE", "State": "STATE", "Status": "STATUS",
	}
}
