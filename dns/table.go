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
	ID     string
	Places []Place
}

// Place is a host's place in one network. A host with an address of each
// family in one network has two places there.
type Place struct {
	Network string // the full name: "shop_default"
	Address netip.Addr
	// Names are what other members of the network may call it; the first one
	// is what reverse look-ups answer. Case does not matter.
	Names []string
}

// Family is an address family.
type Family int

const (
	IPv4 Family = 4
	IPv6 Family = 6
)

func (f Family) of(a netip.Addr) bool { return a.Is4() == (f == IPv4) }

// Table is the set of running containers and their names. It is safe for
// concurrent use. Who asks sees the members of the networks it is in, and
// nothing else.
type Table struct {
	mu       sync.RWMutex
	hosts    map[string]Host
	networks map[string]*network
}

// network indexes the members of one network.
type network struct {
	places int // how many places of hosts there are in it
	names  map[string][]member
	addrs  map[netip.Addr]member
}

type member struct {
	host string
	addr netip.Addr
	name string // of addrs only: the answer of reverse look-ups
}

// NewTable returns an empty table.
func NewTable() *Table {
	return &Table{hosts: map[string]Host{}, networks: map[string]*network{}}
}

// Put adds a host, in place of the one with the same ID.
func (t *Table) Put(h Host) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(h.ID)
	kept := Host{ID: h.ID}
	for _, p := range h.Places {
		p.Address = p.Address.Unmap()
		p.Names = normalised(p.Names)
		kept.Places = append(kept.Places, p)
		t.join(h.ID, p)
	}
	t.hosts[h.ID] = kept
}

// Remove takes a host away; one that is not there is no error.
func (t *Table) Remove(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(id)
}

// Len returns the number of hosts.
func (t *Table) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.hosts)
}

// Lookup returns the addresses of the given family behind name, as the host
// with the ID viewer sees it: those of the first of its networks that has any.
// A name may be qualified by its network: "web.shop_default". known says
// whether the viewer sees any host of this name, with whatever addresses.
func (t *Table) Lookup(viewer, name string, family Family) (addrs []netip.Addr, known bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	name = canonical(name)
	places := t.hosts[viewer].Places
	for _, qualified := range []bool{false, true} {
		for _, p := range places {
			short := name
			if qualified {
				var ok bool
				if short, ok = strings.CutSuffix(name, "."+canonical(p.Network)); !ok {
					continue
				}
			}
			members := t.networks[p.Network].names[short]
			known = known || len(members) > 0
			if addrs = addresses(members, family); len(addrs) > 0 {
				return addrs, true
			}
		}
	}
	return nil, known
}

// Reverse returns the qualified name of the host that has the address in a
// network of the viewer's, or "".
func (t *Table) Reverse(viewer string, addr netip.Addr) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, p := range t.hosts[viewer].Places {
		if m, ok := t.networks[p.Network].addrs[addr.Unmap()]; ok {
			return m.name
		}
	}
	return ""
}

func (t *Table) join(id string, p Place) {
	n := t.networks[p.Network]
	if n == nil {
		n = &network{names: map[string][]member{}, addrs: map[netip.Addr]member{}}
		t.networks[p.Network] = n
	}
	n.places++
	for _, name := range p.Names {
		n.names[name] = append(n.names[name], member{host: id, addr: p.Address})
	}
	if len(p.Names) > 0 {
		n.addrs[p.Address] = member{host: id, addr: p.Address, name: p.Names[0] + "." + canonical(p.Network)}
	}
}

func (t *Table) remove(id string) {
	mine := func(m member) bool { return m.host == id }
	for _, p := range t.hosts[id].Places {
		n := t.networks[p.Network]
		for _, name := range p.Names {
			if left := slices.DeleteFunc(n.names[name], mine); len(left) > 0 {
				n.names[name] = left
			} else {
				delete(n.names, name)
			}
		}
		if mine(n.addrs[p.Address]) {
			delete(n.addrs, p.Address)
		}
		if n.places--; n.places == 0 {
			delete(t.networks, p.Network)
		}
	}
	delete(t.hosts, id)
}

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
