package cmd

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/project"
)

type networkListFlags struct {
	quiet, noTrunc bool
	format         string
	filter         []string
}

func (a *app) networkListCommand() *cobra.Command {
	var f networkListFlags
	c := &cobra.Command{
		Use:     "ls [OPTIONS]",
		Aliases: []string{"list"},
		Short:   "List networks",
		Long: "Lists the networks of this host, by name. A filter by name or ID takes a part of it, or a regular expression.\n" +
			"Nothing is started for it.",
		Example: "  gocompose network ls\n" +
			"  gocompose network ls --filter label=com.docker.compose.project=shop --format '{{.Name}}: {{.Driver}}'",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.networkList(c.Context(), f) },
	}
	fs := c.Flags()
	fs.StringArrayVarP(&f.filter, "filter", "f", nil, `Provide filter values (e.g. "driver=bridge"): dangling, driver, id, label, name, scope, type`)
	fs.StringVar(&f.format, "format", "table", `Format the output: table, json, or a Go template, as in "table {{.ID}}\t{{.Name}}"`)
	fs.BoolVar(&f.noTrunc, "no-trunc", false, "Don't truncate the output")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Only display network IDs")
	return c
}

func (a *app) networkList(ctx context.Context, f networkListFlags) error {
	filters, err := newNetworkFilters(f.filter, []string{"dangling", "driver", "id", "label", "name", "scope", "type"}, time.Now())
	if err != nil {
		return err
	}
	r, err := listRows(f.format)
	if err != nil {
		return err
	}
	all, err := a.networks(ctx)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(n host.Network) bool { return !filters.accept(n) })
	return a.printNetworks(all, f, r)
}

func (a *app) printNetworks(all []host.Network, f networkListFlags, r rows) error {
	items := make([]networkRow, len(all))
	for i, n := range all {
		items[i] = networkRowOf(n, f.noTrunc)
	}
	if f.quiet {
		return networkTable().writeNames(a.Out, items)
	}
	return networkTable().write(a.Out, items, f.format, r)
}

func networkTable() list[networkRow] {
	return list[networkRow]{
		name:    func(r networkRow) string { return r.ID },
		headers: networkHeaders(),
		columns: []string{"NETWORK ID", "NAME", "DRIVER", "SCOPE"},
		cells:   func(r networkRow) []string { return []string{r.ID, r.Name, r.Driver, r.Scope} },
	}
}

// networkRow is a network as docker's `network ls --format json` has it.
type networkRow struct {
	CreatedAt string
	Driver    string
	ID        string
	IPv4      string
	IPv6      string
	Internal  string
	Labels    string
	Name      string
	Scope     string

	labels map[string]string
}

// Label returns the value of one label, for templates.
func (r networkRow) Label(name string) string { return r.labels[name] }

// shortID is how much of an ID docker shows.
const shortID = 12

func networkRowOf(n host.Network, whole bool) networkRow {
	r := networkRow{
		CreatedAt: n.CreatedAt.String(),
		Driver:    networkDriver(n),
		ID:        n.ID,
		IPv4:      strconv.FormatBool(!n.NoIPv4),
		IPv6:      strconv.FormatBool(n.IPv6),
		Internal:  strconv.FormatBool(n.Internal),
		Labels:    join(n.AllLabels),
		Name:      n.Name,
		Scope:     localScope,
		labels:    n.AllLabels,
	}
	if !whole {
		r.ID = r.ID[:min(shortID, len(r.ID))]
	}
	return r
}

func networkDriver(n host.Network) string { return cmp.Or(n.Driver, project.DriverBridge) }

func networkHeaders() headers {
	return headers{
		"CreatedAt": "CREATED AT", "Driver": "DRIVER", "ID": "NETWORK ID", "IPv4": "IPV4", "IPv6": "IPV6",
		"Internal": "INTERNAL", "Labels": "LABELS", "Name": "NAME", "Scope": "SCOPE",
	}
}
