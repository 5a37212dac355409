package loader

import (
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// NetworkOptions are what is said of a network without a file.
type NetworkOptions struct {
	Name       string
	Driver     string // empty: bridge
	IPAMDriver string // empty: default
	Options    map[string]string
	Labels     map[string]string
	Internal   bool
	NoIPv4     bool
	IPv6       bool
	Subnets    []SubnetOptions
}

// SubnetOptions is one entry of ipam.config.
type SubnetOptions struct {
	Subnet, Gateway, Range string
	Reserved               map[string]string // aux_addresses
}

// Network returns the network of no project that the options describe. They are
// held to the rules of Compose files. The error is a Problems, which have no
// file, and paths from the network on: "ipam.config[0].subnet".
func Network(o NetworkOptions) (project.Network, error) {
	c := newConverter(&source{}, &types.Project{})
	const key = "network"
	n := c.network(key, o.config())
	c.found = append(c.found, refusals(map[string]any{"networks": map[string]any{key: map[string]any{
		"driver": o.Driver,
		"ipam":   map[string]any{"driver": o.IPAMDriver},
	}}})...)
	if n.special != "" {
		place{c, []string{"networks", key, "driver"}}.problem("%s makes no network: every host has one of that name", n.special)
	}
	if ps := c.fileless(); len(ps) > 0 {
		return project.Network{}, ps
	}
	n.Key = ""
	return n.Network, nil
}

func (o NetworkOptions) config() types.NetworkConfig {
	n := types.NetworkConfig{
		Name: o.Name, Driver: o.Driver, DriverOpts: o.Options, Labels: o.Labels, Internal: o.Internal,
	}
	if o.NoIPv4 {
		n.EnableIPv4 = new(bool)
	}
	if o.IPv6 {
		n.EnableIPv6 = &o.IPv6
	}
	for _, s := range o.Subnets {
		n.Ipam.Config = append(n.Ipam.Config, &types.IPAMPool{
			Subnet: s.Subnet, Gateway: s.Gateway, IPRange: s.Range, AuxiliaryAddresses: s.Reserved,
		})
	}
	return n
}
