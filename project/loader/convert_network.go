package loader

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

func (p place) ports(ports []types.ServicePortConfig) []project.Port {
	var out []project.Port
	for i, port := range ports {
		at := p.in(index(i))
		q := project.Port{Protocol: strings.ToLower(port.Protocol)}
		if q.Protocol == "" {
			q.Protocol = "tcp"
		}
		if port.Target == 0 || port.Target > 65535 {
			at.near(strconv.Itoa(int(port.Target)), "the container's port is %d: want 1 to 65535", port.Target)
		}
		q.Target = uint16(port.Target)
		q.Published = at.published(port.Published)
		if port.HostIP != "" {
			ip, err := netip.ParseAddr(strings.Trim(port.HostIP, "[]"))
			if err != nil {
				at.near(port.HostIP, "host_ip %q is not an IP address", port.HostIP)
			}
			q.HostIP = ip.String()
		}
		if !slices.Contains(out, q) {
			out = append(out, q)
		}
	}
	slices.SortFunc(out, func(a, b project.Port) int {
		return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Protocol, b.Protocol),
			cmp.Compare(a.HostIP, b.HostIP), cmp.Compare(a.Published, b.Published))
	})
	return out
}

// published returns a port's number on the host, 0 for any.
func (p place) published(text string) uint16 {
	if text == "" {
		return 0
	}
	if strings.Contains(text, "-") {
		p.near(text, "not supported yet: a port is not chosen from a range (%s); "+
			"name one, or publish without one for any free port", text)
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		p.near(text, "published port %q is not a number from 0 to 65535", text)
	}
	return uint16(n)
}

// exposed is a port or a range of ports with an optional protocol.
var exposed = regexp.MustCompile(`^(\d{1,5}(?:-\d{1,5})?)(?:/([A-Za-z]+))?$`)

// expose returns "80/tcp" and "8000-8010/tcp", sorted.
func (p place) expose(list []string) []string {
	var out []string
	for i, item := range list {
		m := exposed.FindStringSubmatch(item)
		if m == nil {
			p.in(index(i)).near(item, "%q is not a port like 80 or 53/udp", item)
			continue
		}
		protocol := strings.ToLower(m[2])
		if protocol == "" {
			protocol = "tcp"
		}
		out = append(out, m[1]+"/"+protocol)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// endpoints returns a service's networks in the order of connection.
func (p place) endpoints(s types.ServiceConfig) []project.Endpoint {
	var out []project.Endpoint
	for _, key := range s.NetworksByPriority() {
		network, ok := p.c.model.Networks[key]
		if !ok {
			p.add(undefinedNetwork(p.in("networks", key).path, key))
			continue
		}
		e := project.Endpoint{Network: network.Name}
		if config := s.Networks[key]; config != nil {
			e.Aliases = slices.Clone(config.Aliases)
			slices.Sort(e.Aliases)
			e.Aliases = slices.Compact(e.Aliases)
		}
		if slices.ContainsFunc(out, func(o project.Endpoint) bool { return o.Network == e.Network }) {
			p.in("networks", key).problem("is the network %s, which the service is on already", e.Network)
			continue
		}
		out = append(out, e)
	}
	return out
}

// hosts returns "name=address", sorted.
func (p place) hosts(list types.HostsList) []string {
	var out []string
	for name, addresses := range list {
		for _, a := range addresses {
			ip, err := netip.ParseAddr(a)
			switch {
			case a == "host-gateway":
			case err != nil:
				p.near(name, "%s: %q is neither an IP address nor host-gateway", name, a)
				continue
			default:
				a = ip.String()
			}
			out = append(out, name+"="+a)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
