package planner

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// network compares where a container is reached, and what it reaches by name.
func (d *differ) network(h, w project.Container) {
	d.value("domainname", h.Domainname, w.Domainname)
	d.value("ports", ports(h.Ports), ports(w.Ports))
	d.list("expose", h.Expose, w.Expose)
	if h.NetworkMode != w.NetworkMode {
		d.value("network_mode", networkMode(h), networkMode(w))
	}
	d.list("networks", networkNames(h), networkNames(w))
	for _, e := range w.Networks {
		i := slices.IndexFunc(h.Networks, func(o project.Endpoint) bool { return o.Network == e.Network })
		if i >= 0 {
			d.endpoint("networks."+e.Network, h.Networks[i], e)
		}
	}
	service := func(l project.Link) string { return l.Service }
	d.list("links", links(h.Links, service), links(w.Links, service))
	container := func(l project.Link) string { return l.Container }
	d.list("external_links", links(h.Links, container), links(w.Links, container))
	d.list("dns", addresses(h.DNS.Servers), addresses(w.DNS.Servers))
	d.list("dns_opt", h.DNS.Options, w.DNS.Options)
	d.list("dns_search", h.DNS.Search, w.DNS.Search)
	d.list("extra_hosts", h.ExtraHosts, w.ExtraHosts)
}

// endpoint compares a container's place in one network.
func (d *differ) endpoint(field string, h, w project.Endpoint) {
	d.list(field+".aliases", h.Aliases, w.Aliases)
	d.value(field+".ipv4_address", address(h.IPv4), address(w.IPv4))
	d.value(field+".ipv6_address", address(h.IPv6), address(w.IPv6))
	d.list(field+".link_local_ips", addresses(h.LinkLocal), addresses(w.LinkLocal))
	d.value(field+".mac_address", h.MAC, w.MAC)
	d.value(field+".interface_name", h.Interface, w.Interface)
	d.value(field+".gw_priority", number(h.GatewayPriority), number(w.GatewayPriority))
	d.entries(field+".sysctls", h.Sysctls, w.Sysctls)
}

// entries compares maps whose values may be shown, entry by entry.
func (d *differ) entries(field string, from, to map[string]string) {
	for _, k := range keys(from, to) {
		f, had := from[k]
		t, has := to[k]
		if had != has && f == t {
			d.changed(field + "." + k)
		}
		d.value(field+"."+k, f, t)
	}
}

// networkMode writes the mode of a container as a Compose file does; the mode of
// one that is on networks, which these say themselves, is Docker's "default".
func networkMode(c project.Container) string {
	switch {
	case c.NetworkMode != project.ModeNetworks:
		return string(c.NetworkMode)
	case len(c.Networks) == 0:
		return "none"
	default:
		return "default"
	}
}

func networkNames(c project.Container) []string {
	names := make([]string, len(c.Networks))
	for i, e := range c.Networks {
		names[i] = e.Network
	}
	return names
}

// links writes the links to what of names as a Compose file does: "db:database".
func links(list []project.Link, of func(project.Link) string) []string {
	var out []string
	for _, l := range list {
		if name := of(l); name != "" {
			out = append(out, name+":"+l.Alias)
		}
	}
	return out
}

// address writes a; none is empty.
func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func addresses(list []netip.Addr) []string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = address(a)
	}
	return out
}

// ports writes ports as a Compose file does: "127.0.0.1:8080-8090:80/tcp".
func ports(list []project.Port) string {
	out := make([]string, len(list))
	for i, p := range list {
		if p.Published != 0 {
			out[i] = fmt.Sprint(p.Published)
		}
		if p.PublishedEnd != 0 {
			out[i] += fmt.Sprintf("-%d", p.PublishedEnd)
		}
		if out[i] != "" || p.HostIP != "" {
			out[i] += ":"
		}
		if strings.Contains(p.HostIP, ":") {
			out[i] = "[" + p.HostIP + "]:" + out[i]
		} else if p.HostIP != "" {
			out[i] = p.HostIP + ":" + out[i]
		}
		out[i] += fmt.Sprintf("%d/%s", p.Target, p.Protocol)
	}
	return strings.Join(out, ", ")
}

// diffNetwork says how the definition of the network that is there differs from
// what is wanted, in terms of a Compose file. Name, Key and Project do not count:
// they say whose it is. Nor does External, which only the files say.
func diffNetwork(have, want project.Network) []Reason {
	var d differ
	d.value("driver", cmp.Or(have.Driver, project.DriverBridge), cmp.Or(want.Driver, project.DriverBridge))
	d.entries("driver_opts", have.Options, want.Options)
	d.value("internal", yesNo(have.Internal), yesNo(want.Internal))
	d.value("enable_ipv4", yesNo(!have.NoIPv4), yesNo(!want.NoIPv4))
	d.value("enable_ipv6", yesNo(have.IPv6), yesNo(want.IPv6))
	d.value("subnets", subnets(have.Subnets), subnets(want.Subnets))
	d.secret("labels", have.Labels, want.Labels)
	return d.reasons
}

// subnets writes each subnet with all that tells it from another: "10.1.0.0/16
// gateway=10.1.0.1 ip_range=10.1.4.0/24 aux_addresses.nas=10.1.0.9".
func subnets(list []project.Subnet) string {
	out := make([]string, len(list))
	for i, s := range list {
		var words []string
		if s.Subnet.IsValid() {
			words = append(words, s.Subnet.String())
		}
		if s.Gateway.IsValid() {
			words = append(words, "gateway="+s.Gateway.String())
		}
		if s.Range.IsValid() {
			words = append(words, "ip_range="+s.Range.String())
		}
		for _, name := range slices.Sorted(maps.Keys(s.Reserved)) {
			words = append(words, fmt.Sprintf("aux_addresses.%s=%s", quoted([]string{name}), address(s.Reserved[name])))
		}
		out[i] = strings.Join(words, " ")
	}
	return strings.Join(out, ", ")
}
