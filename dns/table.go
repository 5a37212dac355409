// Package dns answers name queries of containers: names of other containers
// from a table, everything else from the host's resolvers.
package dns

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// Host is one running container, with its place in each of its networks in
// the order in which names are looked for.
type Host struct {
	ID string
	// Name, Project and Service are what links of others lead to.
	Name    string
	Project string
	Service string
	Places  []Place
	// Links are names that this host alone knows.
	Links []Link
	// Services are the names of its project's services: those that it sees no
	// host of do not exist for it.
	Services []string
}

// Place is a host's place in one network. A host with an address of each
// family in one network has two places there.
type Place struct {
	Network string // the full name: "shop_default"
	Address netip.Addr
	// Subnet is where all addresses are the network's own, so that one that nobody
	// has is nobody's. Zero: others have addresses there too.
	Subnet netip.Prefix
	// Names are what other members of the network may call it; the first one
	// is what reverse look-ups answer. Case does not matter.
	Names []string
}

// Link is a name by which one host calls others, of those that are in a network
// with it: all of a service of its own project, or the one of a name. Several
// links of one alias lead to all of them. To this host the alias means nothing
// else, also when there is nobody behind it.
type Link struct {
	Alias   string
	Service string
	Name    string // of a host, where Service is empty
}

// Family is an address family.
type Family int

const (
	IPv4 Family = 4
	IPv6 Family = 6
)

func (f Family) of(a netip.Addr) bool { return a.Is4() == (f == IPv4) }

// Finding is what is known of a name.
type Finding int

const (
	// Foreign: nothing. It may be a name of the world outside.
	Foreign Finding = iota
	// Absent: it is one of here, and nobody has it now.
	Absent
	// Known: somebody has it.
	Known
)

// Table is the set of running containers and their names. It is safe for
// concurrent use. Who asks sees the members of the networks it is in, and
// nothing else.
type Table struct {
	mu       sync.RWMutex
	hosts    map[string]*host
	networks map[string]*network
}

// NewTable returns an empty table.
func NewTable() *Table {
	return &Table{hosts: map[string]*host{}, networks: map[string]*network{}}
}

// Put adds a host, in place of the one with the same ID.
func (t *Table) Put(h Host) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(h.ID)
	kept := newHost(h)
	for _, p := range kept.places {
		n := t.networks[p.Network]
		if n == nil {
			n = newNetwork()
			t.networks[p.Network] = n
		}
		n.join(kept, p)
	}
	t.hosts[h.ID] = kept
}

// Remove takes a host away; one that is not there is no error.
func (t *Table) Remove(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(id)
}

func (t *Table) remove(id string) {
	h := t.hosts[id]
	if h == nil {
		return
	}
	for _, p := range h.places {
		n := t.networks[p.Network]
		if n.leave(h, p); n.places == 0 {
			delete(t.networks, p.Network)
		}
	}
	delete(t.hosts, id)
}

// Len returns the number of hosts.
func (t *Table) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.hosts)
}

// Lookup returns the addresses of the given family behind name, as the host
// with the ID viewer sees it: those of the first of its networks that has any.
// A name may be qualified by its network: "web.shop_default". Known says that
// the viewer sees some host of this name, with whatever addresses; Absent that
// it is a service of the viewer's project or one of its links.
func (t *Table) Lookup(viewer, name string, family Family) ([]netip.Addr, Finding) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	v := t.hosts[viewer]
	if v == nil {
		return nil, Foreign
	}
	name = canonical(name)
	found := Foreign
	if v.expects(name) {
		found = Absent
	}
	for p, short := range v.readings(name) {
		members := t.networks[p.Network].named(v, short)
		if len(members) > 0 {
			found = Known
		}
		if addrs := addresses(members, family); len(addrs) > 0 {
			return addrs, Known
		}
		if v.expects(short) {
			found = max(found, Absent)
		}
	}
	return nil, found
}

// Reverse returns the qualified name of the host that has the address in a
// network of the viewer's. Absent says that it is one of the network's that
// nobody has, or somebody without a name.
func (t *Table) Reverse(viewer string, addr netip.Addr) (string, Finding) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	v := t.hosts[viewer]
	if v == nil {
		return "", Foreign
	}
	addr = addr.Unmap()
	found := Foreign
	for _, p := range v.places {
		if m, ok := t.networks[p.Network].addrs[addr]; ok {
			return m.name, Known
		}
		if p.Subnet.Contains(addr) {
			found = Absent
		}
	}
	return "", found
}

// addresses returns those of the family, each once.
func addresses(members []member, family Family) []netip.Addr {
	var addrs []netip.Addr
	for _, m := range members {
		if family.of(m.addr) && !slices.Contains(addrs, m.addr) {
			addrs = append(addrs, m.addr)
		}
	}
	return addrs
}

// canonical returns the form in which names are compared (RFC 4343): lower
// case, and no final dot.
func canonical(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

func normalised(names []string) []string {
	var out []string
	for _, n := range names {
		if n = canonical(n); n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
