package loader

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// Networks that every host has under these names: two are no networks at all,
// the third is project.DefaultBridge.
const (
	hostNetwork = "host"
	noneNetwork = "none"
)

// network is one of the files' networks. special is hostNetwork, noneNetwork or
// project.DefaultBridge when it means that, else empty.
type network struct {
	project.Network
	special string
}

// convertNetworks comes before services, which refer to networks.
func (c *converter) convertNetworks() {
	subnets := map[netip.Prefix]string{}
	bridges := map[string]string{}
	for _, key := range sortedKeys(c.model.Networks) {
		n := c.network(key, c.model.Networks[key])
		c.networks[key] = n
		at := place{c, []string{"networks", key}}
		for _, s := range n.Subnets {
			if other, taken := overlapping(subnets, s.Subnet); taken {
				at.in("ipam", "config").near(s.Subnet.String(), "%v overlaps with a subnet of network %s; choose another", s.Subnet, other)
			}
		}
		for _, s := range n.Subnets {
			subnets[s.Subnet] = key
		}
		if name := n.Options[bridgeName]; name != "" && n.Driver == project.DriverBridge {
			if other, taken := bridges[name]; taken {
				at.in("driver_opts", bridgeName).problem("%q is the bridge of network %s already", name, other)
			}
			bridges[name] = key
		}
	}
}

func overlapping(taken map[netip.Prefix]string, p netip.Prefix) (key string, ok bool) {
	for q, owner := range taken {
		if q.Overlaps(p) && (!ok || owner < key) {
			key, ok = owner, true
		}
	}
	return key, ok
}

// projectNetworks returns the networks of the project, sorted.
func (c *converter) projectNetworks() []project.Network {
	out := []project.Network{}
	for _, n := range c.networks {
		if n.special == "" {
			out = append(out, n.Network)
		}
	}
	if c.bridged {
		out = append(out, project.Network{
			Name: project.DefaultBridge, Key: project.DefaultBridge, Driver: project.DriverBridge,
		})
	}
	slices.SortFunc(out, func(a, b project.Network) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key))
	})
	return out
}

func (c *converter) network(key string, n types.NetworkConfig) network {
	at := place{c, []string{"networks", key}}
	c.checkResourceName(n.Name, "networks", key)
	out := network{Network: project.Network{Name: n.Name, Key: key}}
	predefined := n.Name == hostNetwork || n.Name == noneNetwork || n.Name == project.DefaultBridge
	switch {
	case bool(n.External):
		out.External = true
		if predefined {
			out.special = n.Name
		}
		for _, name := range settings(n, true) {
			at.in(name).warn("has no effect: the network is external and stays as it is; remove it")
		}
		return out
	case n.Driver == hostNetwork || n.Driver == noneNetwork:
		out.special = n.Driver
		for _, name := range settings(n, false) {
			at.in(name).problem("cannot be: the driver %s makes no network; remove it", n.Driver)
		}
		return out
	case predefined:
		at.in("name").problem("%q is a network that every host has; choose another name, or set external: true", n.Name)
	}
	out.Project, out.Driver, out.Labels = c.src.name, cmp.Or(n.Driver, project.DriverBridge), maps.Clone(n.Labels)
	out.Internal = n.Internal
	out.NoIPv4 = n.EnableIPv4 != nil && !*n.EnableIPv4
	out.IPv6 = hasIPv6(n)
	if out.NoIPv4 && !out.IPv6 {
		at.in("enable_ipv4").problem("leaves the network without addresses; set enable_ipv6: true, or remove it")
	}
	out.Options = at.driverOptions(n.DriverOpts, out.Network)
	out.Subnets = at.in("ipam", "config").subnets(n.Ipam.Config, out.Network)
	return out
}

// hasIPv6 tells whether a network has IPv6: what says nothing of it and has a
// subnet of it does. Docker leaves such a subnet out in silence, and refuses the
// addresses that containers ask for in it.
func hasIPv6(n types.NetworkConfig) bool {
	if n.EnableIPv6 != nil {
		return *n.EnableIPv6
	}
	return slices.ContainsFunc(n.Ipam.Config, func(pool *types.IPAMPool) bool {
		subnet, err := netip.ParsePrefix(pool.Subnet)
		return err == nil && subnet.Addr().Is6() && !subnet.Addr().Is4In6()
	})
}

// settings names what is said of a network beside its name; driver, when its
// driver counts too.
func settings(n types.NetworkConfig, driver bool) []string {
	var out []string
	for name, set := range map[string]bool{
		"driver":      driver && n.Driver != "",
		"labels":      len(n.Labels) > 0,
		"driver_opts": len(n.DriverOpts) > 0,
		"internal":    n.Internal,
		"enable_ipv4": n.EnableIPv4 != nil,
		"enable_ipv6": n.EnableIPv6 != nil,
		"ipam":        n.Ipam.Driver != "" || len(n.Ipam.Config) > 0,
	} {
		if set {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
