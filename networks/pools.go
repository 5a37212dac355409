package networks

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/gocompose/gocompose/project"
)

// subnetBits is the size of a network whose subnet is chosen here: 1,021
// containers. A bridge of the kernel has 1,024 ports at most (BR_MAX_PORTS).
const subnetBits = 22

// pools4 are where subnets are taken from, in this order. Docker gives out whole
// /16 from 172.17 upwards and skips those that are in use: beginning elsewhere
// leaves it its own. 172.31 is last of its kind, for Amazon numbers its default
// networks from it; 192.168 is last of all, for homes do.
var pools4 = []netip.Prefix{
	netip.MustParsePrefix("172.24.0.0/14"),
	netip.MustParsePrefix("172.28.0.0/15"),
	netip.MustParsePrefix("172.30.0.0/16"),
	netip.MustParsePrefix("172.20.0.0/14"),
	netip.MustParsePrefix("172.18.0.0/15"),
	netip.MustParsePrefix("172.31.0.0/16"),
	netip.MustParsePrefix("192.168.0.0/16"),
}

var errNoSubnet = errors.New("no free subnet: all of 172.18.0.0-172.31.255.255 and 192.168.0.0/16 " +
	"overlaps with other networks, addresses or routes of this host (ip route); remove networks that are not used")

// freeSubnet returns the first subnet of the pools that overlaps none of taken.
func freeSubnet(taken []netip.Prefix) (netip.Prefix, error) {
	for _, pool := range pools4 {
		for at := pool.Addr(); pool.Contains(at); at = after(at, 1<<(32-subnetBits)) {
			subnet := netip.PrefixFrom(at, subnetBits)
			if !slices.ContainsFunc(taken, subnet.Overlaps) {
				return subnet, nil
			}
		}
	}
	return netip.Prefix{}, errNoSubnet
}

// freeSubnet6 returns a /64 of unique local addresses (RFC 4193) that overlaps
// none of taken. Its 56 bits come from the seed, which should be that of one
// network of one host: joined networks of two hosts clash by bad luck only.
func freeSubnet6(seed string, taken []netip.Prefix) netip.Prefix {
	for n := uint64(0); ; n++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(seed), n))
		var a [16]byte
		a[0] = 0xfd
		copy(a[1:8], sum[:])
		subnet := netip.PrefixFrom(netip.AddrFrom16(a), 64)
		if !slices.ContainsFunc(taken, subnet.Overlaps) {
			return subnet
		}
	}
}

// subnets is the choice of subnets for one network.
type subnets struct {
	want project.Network
	// others are those of other networks of ours; taken are they and what the host
	// uses or reaches otherwise.
	others []Record
	taken  []netip.Prefix
	seed   string
}

// choose returns the pools of the network: what was asked for, and one that is
// free for each family without.
func (s subnets) choose() ([]Pool, error) {
	var out []Pool
	has := map[family]bool{}
	for _, asked := range s.want.Subnets {
		p, err := s.asked(asked)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
		has[familyOf(p.Subnet.Addr())] = true
	}
	if !s.want.NoIPv4 && !has[ipv4] {
		subnet, err := freeSubnet(s.taken)
		if err != nil {
			return nil, err
		}
		out = append(out, Pool{Subnet: subnet, Gateway: subnet.Addr().Next(), Range: subnet})
	}
	if s.want.IPv6 && !has[ipv6] {
		subnet := freeSubnet6(s.seed, s.taken)
		out = append(out, Pool{Subnet: subnet, Gateway: subnet.Addr().Next(), Range: subnet})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("network %q has neither IPv4 nor IPv6", s.want.Name)
	}
	return out, nil
}

// asked turns an entry of ipam.config into a pool. A subnet of the user's own may
// lie over a route of the host, but not over another network of ours.
func (s subnets) asked(a project.Subnet) (Pool, error) {
	p := Pool{Subnet: a.Subnet.Masked(), Gateway: a.Gateway, Range: a.Range.Masked()}
	if !a.Subnet.IsValid() {
		return s.without(a)
	}
	for _, o := range s.others {
		for _, q := range o.Pools {
			if q.Subnet.Overlaps(p.Subnet) {
				return Pool{}, fmt.Errorf("the subnet %s of network %q overlaps %s of network %q: "+
					"choose another one, leave it out, or remove that network", p.Subnet, s.want.Name, q.Subnet, o.Name)
			}
		}
	}
	return s.complete(p, a)
}

// without chooses the subnet of an entry that names none: other parts of it then
// have nothing to lie in.
func (s subnets) without(a project.Subnet) (Pool, error) {
	if a.Gateway.IsValid() || a.Range.IsValid() || len(a.Reserved) > 0 {
		return Pool{}, fmt.Errorf("network %q: an entry of ipam.config has no subnet: add one", s.want.Name)
	}
	subnet, err := freeSubnet(s.taken)
	return Pool{Subnet: subnet, Gateway: subnet.Addr().Next(), Range: subnet}, err
}

func (s subnets) complete(p Pool, a project.Subnet) (Pool, error) {
	if !p.Gateway.IsValid() && hasGateway(s.want) {
		p.Gateway = p.Subnet.Addr().Next()
	}
	if !a.Range.IsValid() {
		p.Range = p.Subnet
	}
	for _, addr := range a.Reserved {
		p.Reserved = append(p.Reserved, addr)
	}
	slices.SortFunc(p.Reserved, netip.Addr.Compare)
	for _, in := range append([]netip.Addr{p.Range.Addr()}, p.Reserved...) {
		if !p.Subnet.Contains(in) {
			return Pool{}, fmt.Errorf("network %q: %s is not in its subnet %s", s.want.Name, in, p.Subnet)
		}
	}
	if p.Gateway.IsValid() && !p.Subnet.Contains(p.Gateway) {
		return Pool{}, fmt.Errorf("network %q: the gateway %s is not in its subnet %s", s.want.Name, p.Gateway, p.Subnet)
	}
	return p, nil
}

// hasGateway tells whether the first address of a subnet is the gateway's without
// being named: in Docker's macvlan and ipvlan networks too.
func hasGateway(n project.Network) bool {
	r := Record{Network: n}
	return r.bridged() || !n.Internal && !r.routed()
}

// after returns the IPv4 address by steps behind a; past the end, it begins
// again at 0.0.0.0.
func after(a netip.Addr, by uint32) netip.Addr {
	b := a.As4()
	n := binary.BigEndian.Uint32(b[:]) + by
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}
