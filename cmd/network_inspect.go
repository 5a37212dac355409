package cmd

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/project"
)

func (a *app) networkInspectCommand() *cobra.Command {
	var format string
	var verbose bool
	c := &cobra.Command{
		Use:   "inspect [OPTIONS] NETWORK [NETWORK...]",
		Short: "Display detailed information on one or more networks",
		Long: "Shows, as a JSON array in docker's form, all that is known of networks: subnets, options, labels, and the\n" +
			"containers that are on them. They are named, or told by their IDs or what these alone begin with. Nothing is\n" +
			"started for it.",
		Example: "  gocompose network inspect shop_default\n" +
			"  gocompose network inspect --format '{{range .IPAM.Config}}{{.Subnet}}{{end}}' shop_default",
		Args:              atLeastOne("NETWORK"),
		ValidArgsFunction: a.networkKind().complete,
		RunE: func(c *cobra.Command, names []string) error {
			return a.networkInspect(c.Context(), format, names)
		},
	}
	fs := c.Flags()
	fs.StringVarP(&format, "format", "f", "", "Format the output: json, or a Go template that is printed for each network")
	fs.BoolVarP(&verbose, "verbose", "v", false, "Verbose output for diagnostics: of networks on one host there is no more")
	return c
}

// networkInspect shows the networks that there are, even when not all are.
func (a *app) networkInspect(ctx context.Context, format string, names []string) error {
	var r rows
	var err error
	if format != "" {
		if r, err = inspectionRows(format); err != nil {
			return err
		}
	}
	all, err := a.networks(ctx)
	if err != nil {
		return err
	}
	found := []networkInspection{}
	var errs []error
	for _, name := range names {
		n, err := networkNamed(all, name)
		if err == nil {
			found = append(found, inspectNetwork(n))
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, printResources(a.Out, r, format, found))...)
}

// networkInspection is a network as docker's `network inspect` has it.
type networkInspection struct {
	Name       string
	ID         string `json:"Id"`
	Created    time.Time
	Scope      string
	Driver     string
	EnableIPv4 bool
	EnableIPv6 bool
	IPAM       networkIPAM
	Internal   bool
	Attachable bool // always: containers of all projects may be on it
	Ingress    bool // never
	ConfigFrom networkConfigFrom
	ConfigOnly bool // never
	Containers map[string]networkContainer
	Options    map[string]string
	Labels     map[string]string
}

type networkIPAM struct {
	Driver  string
	Options map[string]string
	Config  []networkPool
}

type networkPool struct {
	Subnet             string            `json:",omitempty"`
	IPRange            string            `json:",omitempty"`
	Gateway            string            `json:",omitempty"`
	AuxiliaryAddresses map[string]string `json:",omitempty"`
}

type networkConfigFrom struct{ Network string }

// networkContainer is a container that is on the network now.
type networkContainer struct {
	Name        string
	EndpointID  string
	MacAddress  string
	IPv4Address string // 172.24.0.2/22; empty: it has none
	IPv6Address string
}

func inspectNetwork(n host.Network) networkInspection {
	out := networkInspection{
		Name:       n.Name,
		ID:         n.ID,
		Created:    n.CreatedAt,
		Scope:      localScope,
		Driver:     networkDriver(n),
		EnableIPv4: !n.NoIPv4,
		EnableIPv6: n.IPv6,
		IPAM:       networkIPAM{Driver: "default", Options: map[string]string{}, Config: []networkPool{}},
		Internal:   n.Internal,
		Attachable: true,
		Containers: map[string]networkContainer{},
		Options:    map[string]string{},
		Labels:     map[string]string{},
	}
	maps.Copy(out.Options, n.Options)
	maps.Copy(out.Labels, n.AllLabels)
	for _, p := range n.Pools {
		out.IPAM.Config = append(out.IPAM.Config, inspectPool(p, n.Subnets))
	}
	for _, c := range n.Attached {
		out.Containers[c.Container] = networkContainer{
			Name: c.Name, EndpointID: c.EndpointID, MacAddress: c.MAC,
			IPv4Address: orEmptyText(c.Address), IPv6Address: orEmptyText(c.Address6),
		}
	}
	return out
}

func inspectPool(p networks.Pool, asked []project.Subnet) networkPool {
	out := networkPool{Subnet: orEmptyText(p.Subnet), Gateway: orEmptyText(p.Gateway)}
	if p.Range != p.Subnet {
		out.IPRange = orEmptyText(p.Range)
	}
	i := slices.IndexFunc(asked, func(s project.Subnet) bool { return s.Subnet.Masked() == p.Subnet })
	if i < 0 || len(asked[i].Reserved) == 0 {
		return out
	}
	out.AuxiliaryAddresses = map[string]string{}
	for name, a := range asked[i].Reserved {
		out.AuxiliaryAddresses[name] = a.String()
	}
	return out
}
