package networks

import (
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/nft"
	"github.com/gocompose/gocompose/project"
)

// door is one published port in one family: a port of the host, and where it
// leads.
type door struct {
	key nft.Key
	to  netip.AddrPort
}

// doors returns what the ports of e mean for the kernel.
func doors(e endpoint.Endpoint) ([]door, error) {
	var inside []netip.Addr // one of each family at most
	for _, address := range []func() (netip.Addr, bool){e.Address, e.Address6} {
		if a, ok := address(); ok && !slices.Contains(inside, a) {
			inside = append(inside, a)
		}
	}
	if len(inside) == 0 && len(e.Ports) > 0 {
		return nil, fmt.Errorf("%s: the container is on no network that the host reaches", e.Ports[0])
	}
	var ds []door
	seen := map[door]bool{}
	for _, p := range e.Ports {
		proto, err := protocol(p.Protocol)
		if err != nil {
			return nil, err
		}
		if p.HostPort == 0 {
			return nil, fmt.Errorf("%s: no host port was chosen", p.Port)
		}
		for _, to := range inside {
			host, ok, err := hostAddr(p.Port, familyOf(to))
			if err != nil {
				return nil, err
			}
			d := door{nft.Key{Proto: proto, Host: host, Port: p.HostPort}, netip.AddrPortFrom(to, p.Target)}
			if ok && !seen[d] {
				seen[d] = true
				ds = append(ds, d)
			}
		}
	}
	return ds, nil
}

// hostAddr returns the port's address on the host in one family; ok is false when
// it is not on one that the kernel can pass on: ::1 has no way to a container.
func hostAddr(p project.Port, f family) (addr netip.Addr, ok bool, err error) {
	if p.HostIP == "" {
		if f == ipv6 {
			return netip.IPv6Unspecified(), true, nil
		}
		return netip.IPv4Unspecified(), true, nil
	}
	addr, err = netip.ParseAddr(p.HostIP)
	if err != nil {
		return netip.Addr{}, false, fmt.Errorf("%s: %w", p, err)
	}
	addr = addr.Unmap()
	return addr, familyOf(addr) == f && addr != netip.IPv6Loopback(), nil
}

func protocol(name string) (uint8, error) {
	switch name {
	case "tcp":
		return unix.IPPROTO_TCP, nil
	case "udp":
		return unix.IPPROTO_UDP, nil
	case "sctp":
		return unix.IPPROTO_SCTP, nil
	}
	return 0, fmt.Errorf("publishing protocol %q is not supported: want tcp, udp or sctp", name)
}

// sameService tells whether the two are replicas of one service, which may share
// host ports.
func sameService(a, b endpoint.Endpoint) bool {
	return a.ID == b.ID || a.Project != "" && a.Service != "" && a.Project == b.Project && a.Service == b.Service
}

// sharers are the containers that have each host port, with where it leads to
// each.
type sharers map[nft.Key][]sharer

type sharer struct {
	endpoint *endpoint.Endpoint
	to       netip.AddrPort
}

// sharersOf is made of the records of containers. What is wrong with the ports of
// one was told when it was published.
func sharersOf(es []endpoint.Endpoint) sharers {
	out := sharers{}
	for i := range es {
		ds, err := doors(es[i])
		if err != nil {
			continue
		}
		for _, d := range ds {
			out[d.key] = append(out[d.key], sharer{&es[i], d.to})
		}
	}
	return out
}

// targets returns where the key leads, of the replicas of the service of e: to
// those that take part, or to all where none does. Sorted.
func (s sharers) targets(key nft.Key, e endpoint.Endpoint) []netip.AddrPort {
	var taking, all []netip.AddrPort
	for _, o := range s[key] {
		if !sameService(e, *o.endpoint) {
			continue
		}
		all = append(all, o.to)
		if !o.endpoint.Resting {
			taking = append(taking, o.to)
		}
	}
	if len(taking) == 0 {
		taking = all
	}
	slices.SortFunc(taking, netip.AddrPort.Compare)
	return slices.Compact(taking)
}

// mapped is what is mapped, by the port of the host.
type mapped map[nft.Key][]netip.AddrPort

func mappedOf(ms []nft.Mapping) mapped {
	out := make(mapped, len(ms))
	for _, m := range ms {
		out[m.Key] = m.To
	}
	return out
}

// set replaces what is mapped to the key; to nothing is not to be mapped.
func (m mapped) set(key nft.Key, to []netip.AddrPort) {
	if len(to) == 0 {
		delete(m, key)
		return
	}
	m[key] = to
}

// but returns what is mapped in m and not, or otherwise, in o.
func (m mapped) but(o mapped) []nft.Mapping {
	var out []nft.Mapping
	for key, to := range m {
		if !slices.Equal(to, o[key]) {
			out = append(out, nft.Mapping{Key: key, To: to})
		}
	}
	return out
}
