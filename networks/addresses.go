package networks

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"

	"github.com/gocompose/gocompose/internal/jsondir"
)

// subnetBits is the size of a network: 1,021 containers. A bridge of the kernel
// has 1,024 ports at most (BR_MAX_PORTS).
const subnetBits = 22

// pools are where subnets are taken from, in this order. Docker gives out whole
// /16 from 172.17 upwards and skips those that are in use: beginning elsewhere
// leaves it its own. 172.31 is last of its kind, for Amazon numbers its default
// networks from it; 192.168 is last of all, for homes do.
var pools = []netip.Prefix{
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
	for _, pool := range pools {
		for at := pool.Addr(); pool.Contains(at); at = after(at, 1<<(32-subnetBits)) {
			subnet := netip.PrefixFrom(at, subnetBits)
			if !slices.ContainsFunc(taken, subnet.Overlaps) {
				return subnet, nil
			}
		}
	}
	return netip.Prefix{}, errNoSubnet
}

// leases says who holds which address of one network.
type leases struct {
	// Last is the address given out last: addresses go round, so that one that
	// was just given back rests.
	Last netip.Addr            `json:"last,omitzero"`
	Held map[netip.Addr]string `json:"held,omitempty"` // container IDs
	// Before is the address that the container of each name had last. Its
	// successor gets it again when it is free: programs that look a name up only
	// once, when they start, find the replaced container.
	Before map[string]netip.Addr `json:"before,omitempty"`
}

// take returns the address that id holds, or gives it the one that a container
// of its name had before, or the next free one.
func (l *leases) take(r Record, id, name string) (netip.Addr, error) {
	for a, holder := range l.Held {
		if holder == id && r.Subnet.Contains(a) {
			return a, nil
		}
	}
	at := l.Before[name]
	if _, held := l.Held[at]; held || !r.Subnet.Contains(at) {
		var err error
		if at, err = l.next(r); err != nil {
			return netip.Addr{}, err
		}
		l.Last = at
	}
	if l.Held == nil {
		l.Held = map[netip.Addr]string{}
	}
	if l.Before == nil {
		l.Before = map[string]netip.Addr{}
	}
	l.Held[at], l.Before[name] = id, at
	return at, nil
}

// next returns the free address after the one given out last.
func (l *leases) next(r Record) (netip.Addr, error) {
	first := r.Subnet.Masked().Addr()
	at := l.Last
	if !r.Subnet.Contains(at) {
		at = first
	}
	for range 1 << (32 - r.Subnet.Bits()) {
		if at = at.Next(); !r.Subnet.Contains(at) {
			at = first
		}
		if _, held := l.Held[at]; held || at == first || at == r.Gateway || !r.Subnet.Contains(at.Next()) {
			continue
		}
		return at, nil
	}
	return netip.Addr{}, fmt.Errorf("no free address in network %q: %d containers are attached to %s", r.Name, len(l.Held), r.Subnet)
}

// release frees what id holds, and tells whether that was anything.
func (l *leases) release(id string) bool {
	before := len(l.Held)
	maps.DeleteFunc(l.Held, func(_ netip.Addr, holder string) bool { return holder == id })
	return len(l.Held) != before
}

// holders returns the container IDs, sorted.
func (l *leases) holders() []string { return slices.Sorted(maps.Values(l.Held)) }

// tables are the leases of each network.
func (n *Networks) tables() jsondir.Dir[leases] {
	return jsondir.Dir[leases]{Path: n.paths.Addresses(), Check: checkName}
}

func (n *Networks) readLeases(network string) (leases, error) {
	l, err := n.tables().Read(network)
	if errors.Is(err, fs.ErrNotExist) {
		return leases{}, nil
	}
	return l, err
}

func (n *Networks) writeLeases(network string, l leases) error { return n.tables().Write(network, l) }

// after returns the IPv4 address by steps behind a; past the end, it begins
// again at 0.0.0.0.
func after(a netip.Addr, by uint32) netip.Addr {
	b := a.As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	n += by
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}
