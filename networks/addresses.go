package networks

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"

	"github.com/gocompose/gocompose/internal/jsondir"
	"github.com/gocompose/gocompose/networks/endpoint"
)

// leases says who holds which address of one network.
type leases struct {
	// Last is the address of each subnet that was given out last: addresses go
	// round, so that one that was just given back rests.
	Last map[netip.Prefix]netip.Addr `json:"last,omitempty"`
	Held map[netip.Addr]string       `json:"held,omitempty"` // container IDs
	// Before are the addresses that the container of each name had last. Its
	// successor gets them again when they are free: programs that look a name up
	// only once, when they start, find the replaced container.
	Before map[string][]netip.Addr `json:"before,omitempty"`
}

// claim is who wants an address, and which.
type claim struct {
	id, name string
	family   family
	fixed    netip.Addr   // the one, if valid
	not      []netip.Addr // others want these for themselves
}

// take returns the address that the claimant holds, or gives it the one that it
// wants, or that a container of its name had before, or the next free one.
func (l *leases) take(r Record, c claim) (netip.Addr, error) {
	if c.fixed.IsValid() {
		return c.fixed, l.takeFixed(r, c)
	}
	for a, holder := range l.Held {
		if holder == c.id && c.family == familyOf(a) && l.within(r, a) {
			return a, nil
		}
	}
	for _, a := range l.Before[c.name] {
		if c.family == familyOf(a) && l.free(r, c, a) {
			l.hold(c, a)
			return a, nil
		}
	}
	a, err := l.next(r, c)
	if err == nil {
		l.hold(c, a)
	}
	return a, err
}

// takeFixed gives the claimant the address that it wants, unless somebody else
// has it.
func (l *leases) takeFixed(r Record, c claim) error {
	p, ok := r.pool(c.fixed)
	switch holder, held := l.Held[c.fixed]; {
	case !ok:
		return fmt.Errorf("the address %s is in no subnet of network %q", c.fixed, r.Name)
	case held && holder != c.id:
		return &addressTakenError{c.fixed, r.Name, holder}
	case c.fixed == p.Gateway:
		return fmt.Errorf("the address %s is the gateway of network %q: choose another one", c.fixed, r.Name)
	case held:
		return nil
	}
	l.hold(c, c.fixed)
	return nil
}

// addressTakenError says that a fixed address belongs to somebody else.
type addressTakenError struct {
	addr    netip.Addr
	network string
	holder  string // a container's ID
}

func (e *addressTakenError) Error() string {
	return fmt.Sprintf("the address %s of network %q is taken by container %s: stop that, or choose another one",
		e.addr, e.network, e.holder)
}

// named puts the name of the holder, where it is known, in the place of its ID.
func (e *addressTakenError) named(dir string) error {
	if holder, err := endpoint.Read(dir, e.holder); err == nil {
		e.holder = holder.Name
	}
	return e
}

// rememberedNames bounds Before: more containers than a bridge has ports
// (BR_MAX_PORTS) are not on a network.
const rememberedNames = 1024

func (l *leases) hold(c claim, a netip.Addr) {
	if l.Held == nil {
		l.Held = map[netip.Addr]string{}
	}
	if l.Before == nil {
		l.Before = map[string][]netip.Addr{}
	}
	l.Held[a] = c.id
	l.Before[c.name] = append(slices.DeleteFunc(l.Before[c.name], func(b netip.Addr) bool {
		return familyOf(b) == c.family
	}), a)
	if len(l.Before) > rememberedNames { // those of one-off containers never come again
		maps.DeleteFunc(l.Before, func(name string, _ []netip.Addr) bool { return name != c.name && !l.here(name) })
	}
}

// here tells whether somebody holds the address that the container of the name had
// last.
func (l *leases) here(name string) bool {
	return slices.ContainsFunc(l.Before[name], func(a netip.Addr) bool { return l.Held[a] != "" })
}

// within tells whether the address lies in a subnet of the network.
func (l *leases) within(r Record, a netip.Addr) bool {
	_, ok := r.pool(a)
	return ok
}

// free tells whether the address may be given to the claimant.
func (l *leases) free(r Record, c claim, a netip.Addr) bool {
	p, ok := r.pool(a)
	_, held := l.Held[a]
	return ok && !held && p.gives(a) && !slices.Contains(c.not, a)
}

// gives tells whether the pool ever gives the address out: not the first one,
// the network's own, nor, of IPv4, the last one, the broadcast's.
func (p Pool) gives(a netip.Addr) bool {
	return p.Range.Contains(a) && a != p.Gateway && a != p.Subnet.Addr() &&
		!slices.Contains(p.Reserved, a) && (a.Is6() || p.Subnet.Contains(a.Next()))
}

// next returns the free address after the one given out last, of the first
// subnet that has one.
func (l *leases) next(r Record, c claim) (netip.Addr, error) {
	pools := r.pools(c.family)
	for _, p := range pools {
		if a, ok := l.nextOf(r, c, p); ok {
			if l.Last == nil {
				l.Last = map[netip.Prefix]netip.Addr{}
			}
			l.Last[p.Subnet] = a
			return a, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("no free %s address in network %q: %d addresses of it are held", c.family, r.Name, len(l.Held))
}

// searchBits bounds the search in a subnet of IPv6, which never ends: so many
// addresses are never held.
const searchBits = 20

func (l *leases) nextOf(r Record, c claim, p Pool) (netip.Addr, bool) {
	first := p.Range.Masked().Addr()
	at, had := l.Last[p.Subnet]
	if !had || !p.Range.Contains(at) {
		at = first.Prev()
	}
	for range 1 << min(p.Range.Addr().BitLen()-p.Range.Bits(), searchBits) {
		if at = at.Next(); !p.Range.Contains(at) {
			at = first
		}
		if l.free(r, c, at) {
			return at, true
		}
	}
	return netip.Addr{}, false
}

// release frees what id holds, and tells whether that was anything.
func (l *leases) release(id string) bool {
	before := len(l.Held)
	maps.DeleteFunc(l.Held, func(_ netip.Addr, holder string) bool { return holder == id })
	return len(l.Held) != before
}

// holders returns the container IDs, sorted, each once.
func (l *leases) holders() []string { return slices.Compact(slices.Sorted(maps.Values(l.Held))) }

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
