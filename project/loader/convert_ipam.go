package loader

import (
	"net/netip"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// Subnets have at least two addresses for containers beside the gateway's, and
// are not so large that they take a good part of all addresses.
const (
	largestSubnet = 8   // bits, of both families
	smallestIPv4  = 30  // bits
	smallestIPv6  = 126 // bits
)

// subnets reads ipam.config.
func (p place) subnets(pools []*types.IPAMPool, n project.Network) []project.Subnet {
	var out []project.Subnet
	for i, pool := range pools {
		at := ipamEntry{p.in(index(i)), pool.Subnet}
		s, ok := at.subnet(pool)
		if !ok {
			continue
		}
		switch v4 := s.Subnet.Addr().Is4(); {
		case !v4 && !n.IPv6:
			at.problem("subnet", "%v is of IPv6, which the network does not have; set enable_ipv6: true", s.Subnet)
		case v4 && n.NoIPv4:
			at.problem("subnet", "%v is of IPv4, which the network does not have; remove it, or enable_ipv4: false", s.Subnet)
		}
		for _, other := range out {
			if other.Subnet.Overlaps(s.Subnet) {
				at.problem("subnet", "%v overlaps with %v", s.Subnet, other.Subnet)
			}
		}
		out = append(out, s)
	}
	return out
}

// ipamEntry is one entry of ipam.config, which its subnet tells from others.
type ipamEntry struct {
	place
	text string
}

func (p ipamEntry) problem(key, format string, args ...any) { p.in(key).near(p.text, format, args...) }

func (p ipamEntry) subnet(pool *types.IPAMPool) (project.Subnet, bool) {
	if pool.Subnet == "" && pool.Gateway != "" {
		p.place.problem("has a gateway and no subnet; move it into the entry of its subnet, or set one like 10.20.0.0/24")
		return project.Subnet{}, false
	}
	if pool.Subnet == "" {
		p.place.problem("has no subnet; set one like 10.20.0.0/24, or remove the entry")
		return project.Subnet{}, false
	}
	subnet, err := netip.ParsePrefix(pool.Subnet)
	if err != nil || subnet.Addr().Is4In6() {
		p.problem("subnet", "%q is not a subnet like 10.20.0.0/24", pool.Subnet)
		return project.Subnet{}, false
	}
	subnet = subnet.Masked()
	smallest := smallestIPv6
	if subnet.Addr().Is4() {
		smallest = smallestIPv4
	}
	first := subnet.Addr()
	switch bits := subnet.Bits(); {
	case bits < largestSubnet:
		p.problem("subnet", "%v is too large; want /%d at most", subnet, largestSubnet)
		return project.Subnet{}, false
	case bits > smallest:
		p.problem("subnet", "%v has no room for a gateway and a container; want /%d at least", subnet, smallest)
		return project.Subnet{}, false
	case first.IsLoopback() || first.IsMulticast() || first.IsUnspecified():
		p.problem("subnet", "%v has no addresses for containers", subnet)
		return project.Subnet{}, false
	}
	out := project.Subnet{Subnet: subnet, Range: p.addressRange(pool.IPRange, subnet)}
	if pool.Gateway != "" {
		out.Gateway = p.address("gateway", pool.Gateway, subnet)
	}
	for _, name := range sortedKeys(pool.AuxiliaryAddresses) {
		in := ipamEntry{p.in("aux_addresses"), p.text}
		if a := in.address(name, pool.AuxiliaryAddresses[name], subnet); a.IsValid() {
			if out.Reserved == nil {
				out.Reserved = map[string]netip.Addr{}
			}
			out.Reserved[name] = a
		}
	}
	return out, true
}

func (p ipamEntry) addressRange(text string, subnet netip.Prefix) netip.Prefix {
	if text == "" {
		return netip.Prefix{}
	}
	r, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		p.problem("ip_range", "%q is not a range like 10.20.0.128/25", text)
	case r.Bits() < subnet.Bits() || !subnet.Contains(r.Addr()):
		p.problem("ip_range", "%v is not within the subnet %v", r, subnet)
	default:
		return r.Masked()
	}
	return netip.Prefix{}
}

func (p ipamEntry) address(key, text string, subnet netip.Prefix) netip.Addr {
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		p.problem(key, "%q is not an IP address", text)
	case !subnet.Contains(a):
		p.problem(key, "%v is not within the subnet %v", a, subnet)
	case !assignable(a, subnet):
		p.problem(key, "%v is the first or the last address of %v, which nobody can have", a, subnet)
	default:
		return a
	}
	return netip.Addr{}
}

// assignable tells whether an interface can have an address of a subnet: not
// the subnet's own, nor IPv4's for all.
func assignable(a netip.Addr, subnet netip.Prefix) bool {
	if a == subnet.Addr() {
		return false
	}
	return !a.Is4() || subnet.Contains(a.Next())
}

// gatewayOf returns the gateway's address, given or not.
func gatewayOf(s project.Subnet) netip.Addr {
	if s.Gateway.IsValid() {
		return s.Gateway
	}
	return s.Subnet.Addr().Next()
}
