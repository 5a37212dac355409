package loader

import (
	"cmp"
	"net/netip"
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
		q.Published, q.PublishedEnd = at.published(port.Published)
		if port.HostIP != "" {
			ip, err := netip.ParseAddr(strings.Trim(port.HostIP, "[]"))
			if err != nil {
				at.near(port.HostIP, "host_ip %q is not an IP address", port.HostIP)
			}
			q.HostIP = ip.String()
		}
		out = append(out, q)
	}
	return sortedPorts(out)
}

// sortedPorts sorts in place; what is there twice is there once.
func sortedPorts(ports []project.Port) []project.Port {
	slices.SortFunc(ports, func(a, b project.Port) int {
		return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Protocol, b.Protocol),
			cmp.Compare(a.HostIP, b.HostIP), cmp.Compare(a.Published, b.Published),
			cmp.Compare(a.PublishedEnd, b.PublishedEnd))
	})
	return slices.Compact(ports)
}

// published returns a port's number on the host, 0 for any, or the first and
// the last of those that it may have.
func (p place) published(text string) (first, last uint16) {
	if text == "" {
		return 0, 0
	}
	from, to, isRange := strings.Cut(text, "-")
	a, errA := strconv.ParseUint(from, 10, 16)
	if !isRange {
		if errA != nil {
			p.near(text, "published port %q is not a number from 0 to 65535", text)
		}
		return uint16(a), 0
	}
	b, errB := strconv.ParseUint(to, 10, 16)
	switch {
	case errA != nil || errB != nil || a == 0:
		p.near(text, "published ports %q are not two numbers from 1 to 65535", text)
	case a > b:
		p.near(text, "published ports %q end before they begin; write %s-%s", text, to, from)
	case a < b:
		return uint16(a), uint16(b)
	}
	return uint16(a), 0
}

// exposed is a port or a range of ports with an optional protocol.
var exposed = lazily(`^(\d{1,5}(?:-\d{1,5})?)(?:/([A-Za-z]+))?$`)

// expose returns "80/tcp" and "8000-8010/tcp", sorted.
func (p place) expose(list []string) []string {
	var out []string
	for i, item := range list {
		m := exposed().FindStringSubmatch(item)
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
