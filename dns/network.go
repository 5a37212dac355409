package dns

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// host is a Host as the table keeps it.
type host struct {
	id     string
	roles  []role
	places []place
	links  map[string][]role
	// services are names that are expected to be somebody's.
	services map[string]bool
}

// place is a Place with its names as they are compared, and what a name ends in
// that is qualified by the network.
type place struct {
	Place
	suffix string
}

// role is what a link leads to: a service of a project, or a host's name.
type role struct{ project, service, name string }

func newHost(h Host) *host {
	kept := &host{
		id:       h.ID,
		links:    map[string][]role{},
		services: map[string]bool{},
	}
	if h.Service != "" {
		kept.roles = append(kept.roles, role{project: h.Project, service: h.Service})
	}
	if h.Name != "" {
		kept.roles = append(kept.roles, role{name: h.Name})
	}
	for _, p := range h.Places {
		p.Address = p.Address.Unmap()
		p.Names = normalised(p.Names)
		kept.places = append(kept.places, place{p, "." + canonical(p.Network)})
	}
	for _, l := range h.Links {
		to := role{name: l.Name}
		if l.Service != "" {
			to = role{project: h.Project, service: l.Service}
		}
		alias := canonical(l.Alias)
		kept.links[alias] = append(kept.links[alias], to)
	}
	for _, s := range h.Services {
		kept.services[canonical(s)] = true
	}
	return kept
}

// expects says whether the host means something of here by the name, somebody
// of that name or not.
func (h *host) expects(name string) bool {
	return h.services[name] || len(h.links[name]) > 0
}

// readings are the places in whose networks a name may be somebody's, each with
// the name that is looked for there: as it is first, and then without the
// network that it is qualified by.
func (h *host) readings(name string) iter.Seq2[place, string] {
	return func(yield func(place, string) bool) {
		for _, p := range h.places {
			if !yield(p, name) {
				return
			}
		}
		for _, p := range h.places {
			if short, ok := strings.CutSuffix(name, p.suffix); ok && !yield(p, short) {
				return
			}
		}
	}
}

// network indexes the members of one network.
type network struct {
	places int // how many places of hosts there are in it
	names  map[string][]member
	roles  map[role][]member
	addrs  map[netip.Addr]member // those that have a name
}

type member struct {
	host string
	addr netip.Addr
	name string // of addrs only: the answer of reverse look-ups
}

func newNetwork() *network {
	return &network{names: map[string][]member{}, roles: map[role][]member{}, addrs: map[netip.Addr]member{}}
}

// named returns the members that the viewer means by a name.
func (n *network) named(viewer *host, name string) []member {
	links := viewer.links[name]
	if len(links) == 0 {
		return n.names[name]
	}
	var members []member
	for _, to := range links {
		members = append(members, n.roles[to]...)
	}
	return members
}

func (n *network) join(h *host, p place) {
	n.places++
	m := member{host: h.id, addr: p.Address}
	for _, name := range p.Names {
		n.names[name] = append(n.names[name], m)
	}
	for _, r := range h.roles {
		n.roles[r] = append(n.roles[r], m)
	}
	if len(p.Names) > 0 {
		m.name = p.Names[0] + p.suffix
		n.addrs[p.Address] = m
	}
}

func (n *network) leave(h *host, p place) {
	n.places--
	for _, name := range p.Names {
		drop(n.names, name, h.id)
	}
	for _, r := range h.roles {
		drop(n.roles, r, h.id)
	}
	if n.addrs[p.Address].host == h.id {
		delete(n.addrs, p.Address)
	}
}

// drop takes all members of a host away from behind one key.
func drop[K comparable](index map[K][]member, key K, host string) {
	left := slices.DeleteFunc(index[key], func(m member) bool { return m.host == host })
	if len(left) == 0 {
		delete(index, key)
		return
	}
	index[key] = left
}
