package nft

import (
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

const (
	ifNameBytes = 16 // IFNAMSIZ
	// elementsPerMessage keeps a message below the 64 KiB that the length of a
	// netlink attribute can say.
	elementsPerMessage = 256
)

// tableSets are the sets of the table.
type tableSets struct {
	bridges       *nftables.Set // the links of our networks
	same          *nftables.Set // each with itself: what comes in by it may leave by it
	internal      *nftables.Set // those of internal networks
	internalPairs *nftables.Set // each of these with itself
	engines       *nftables.Set // bridges of others
	sources       *nftables.Set // bridge: the address in place of the outgoing link's
	v4, v6        family
	all           []*nftables.Set
}

// family is what there is once for IPv4 and once for IPv6.
type family struct {
	proto               byte // NFPROTO_IPV4
	size                uint32
	source, destination uint32 // where the addresses are in the header
	anywhere            netip.Addr

	closed *nftables.Set // links between which nothing is forwarded
	// Subnets of bridges: what belongs to the network, what is masqueraded.
	members, masquerade *nftables.Set
	// Ports on every address, and on one: with the only target, or the first; of
	// several, with the chain that chooses among them; what it chooses from, by
	// number.
	ports, portsOn, balanced, balancedOn, slots, slotsOn *nftables.Set
}

// sets describes the sets. Their numbers mean something within a transaction
// only.
func sets(t *nftables.Table) tableSets {
	var s tableSets
	add := func(set nftables.Set, key ...nftables.SetDatatype) *nftables.Set {
		set.Table, set.ID, set.KeyType = t, uint32(len(s.all)+1), key[0]
		if len(key) > 1 {
			set.Concatenation, set.KeyType = true, nftables.MustConcatSetType(key...)
		}
		s.all = append(s.all, &set)
		return &set
	}
	link, proto, port := nftables.TypeIFName, nftables.TypeInetProto, nftables.TypeInetService
	links := func(name string) nftables.Set { return nftables.Set{Name: name, KeyByteOrder: binaryutil.NativeEndian} }
	s.bridges = add(links("bridges"), link)
	s.same = add(nftables.Set{Name: "same-bridge"}, link, link)
	s.internal = add(links("internal"), link)
	s.internalPairs = add(nftables.Set{Name: "within-internal"}, link, link)
	s.engines = add(links("engines"), link)
	sources := links("sources")
	sources.IsMap, sources.DataType = true, nftables.TypeIPAddr
	s.sources = add(sources, link)

	s.v4 = family{
		proto: unix.NFPROTO_IPV4, size: 4, source: 12, destination: 16, anywhere: netip.IPv4Unspecified(),
	}
	s.v6 = family{
		proto: unix.NFPROTO_IPV6, size: 16, source: 8, destination: 24, anywhere: netip.IPv6Unspecified(),
	}
	s.v4.addSets(add, nftables.TypeIPAddr, "", link, proto, port)
	s.v6.addSets(add, nftables.TypeIP6Addr, "6", link, proto, port)
	return s
}

func (f *family) addSets(
	add func(nftables.Set, ...nftables.SetDatatype) *nftables.Set, addr nftables.SetDatatype, suffix string,
	link, proto, port nftables.SetDatatype,
) {
	subnets := func(name string) *nftables.Set {
		return add(nftables.Set{Name: name + suffix, Interval: true}, link, addr)
	}
	to := func(name string, data nftables.SetDatatype, key ...nftables.SetDatatype) *nftables.Set {
		return add(nftables.Set{Name: name, IsMap: true, DataType: data}, key...)
	}
	// The number of a slot has the type of the numbers that have four bytes in the
	// order of the machine, as the kernel counts.
	target, slot := nftables.MustConcatSetType(addr, port), nftables.TypeMark
	f.closed = add(nftables.Set{Name: "closed" + suffix, KeyByteOrder: binaryutil.NativeEndian}, link)
	f.members, f.masquerade = subnets("members"), subnets("masquerade")
	f.ports = to("ports"+suffix, target, proto, port)
	f.portsOn = to("ports"+suffix+"-on-address", target, addr, proto, port)
	f.balanced = to("balanced"+suffix, nftables.TypeVerdict, proto, port)
	f.balancedOn = to("balanced"+suffix+"-on-address", nftables.TypeVerdict, addr, proto, port)
	f.slots = to("slots"+suffix, target, proto, port, slot)
	f.slotsOn = to("slots"+suffix+"-on-address", target, addr, proto, port, slot)
}

// names returns the names of all sets, sorted.
func (s tableSets) names() []string {
	var names []string
	for _, set := range s.all {
		names = append(names, set.Name)
	}
	slices.Sort(names)
	return names
}

// portSets are those for mappings.
func (s tableSets) portSets() map[*nftables.Set]bool {
	of := map[*nftables.Set]bool{}
	for _, f := range s.families() {
		for _, set := range []*nftables.Set{f.ports, f.portsOn, f.balanced, f.balancedOn, f.slots, f.slotsOn} {
			of[set] = true
		}
	}
	return of
}

// entries returns all that there is to be.
func (s tableSets) entries(r Rules) []entry { return slices.Concat(s.links(r), s.ports(r.Mappings)) }

func (s tableSets) families() []family { return []family{s.v4, s.v6} }

func (s tableSets) of(a netip.Addr) family {
	if a.Is4() {
		return s.v4
	}
	return s.v6
}

// entry is an element with its place.
type entry struct {
	set *nftables.Set
	nftables.SetElement
}

// id is of the element's place, value of what is there.
func (e entry) id() string { return e.set.Name + "\x00" + string(e.Key) + string(e.KeyEnd) }

func (e entry) value() string {
	if e.VerdictData != nil {
		return e.VerdictData.Chain
	}
	return string(e.Val)
}

// links returns the entries for all but the mappings.
func (s tableSets) links(r Rules) (es []entry) {
	put := func(set *nftables.Set, e nftables.SetElement) { es = append(es, entry{set, e}) }
	for _, n := range r.Networks {
		name := ifName(n.Bridge)
		pair := slices.Concat(name, name)
		put(s.bridges, nftables.SetElement{Key: name})
		if !n.Isolated {
			put(s.same, nftables.SetElement{Key: pair})
		}
		if n.Internal {
			put(s.internal, nftables.SetElement{Key: name})
			put(s.internalPairs, nftables.SetElement{Key: pair})
		}
		if n.Source.IsValid() {
			put(s.sources, nftables.SetElement{Key: name, Val: n.Source.AsSlice()})
		}
		subnet := func(set *nftables.Set, p netip.Prefix) {
			put(set, nftables.SetElement{
				Key: slices.Concat(name, p.Masked().Addr().AsSlice()), KeyEnd: slices.Concat(name, last(p)),
			})
		}
		for _, p := range n.Subnets {
			subnet(s.of(p.Addr()).members, p)
		}
		for _, p := range n.Masquerade {
			subnet(s.of(p.Addr()).masquerade, p)
		}
	}
	for _, l := range r.Closed {
		put(s.v4.closed, nftables.SetElement{Key: ifName(l)})
	}
	for _, l := range r.Closed6 {
		put(s.v6.closed, nftables.SetElement{Key: ifName(l)})
	}
	for _, l := range r.Engines {
		put(s.engines, nftables.SetElement{Key: ifName(l)})
	}
	return es
}

// ports returns the entries for mappings.
func (s tableSets) ports(ms []Mapping) (es []entry) {
	for _, m := range ms {
		f, key := s.of(m.Host), m.encode()
		single, balanced, slots := f.ports, f.balanced, f.slots
		if !m.Host.IsUnspecified() {
			single, balanced, slots = f.portsOn, f.balancedOn, f.slotsOn
		}
		es = append(es, entry{single, nftables.SetElement{Key: key, Val: encodeTarget(m.To[0])}})
		if !m.balanced() {
			continue
		}
		jump := &expr.Verdict{Kind: expr.VerdictJump, Chain: m.chain()}
		es = append(es, entry{balanced, nftables.SetElement{Key: key, VerdictData: jump}})
		for i, to := range m.To {
			slot := slices.Concat(key, binaryutil.NativeEndian.PutUint32(uint32(i)))
			es = append(es, entry{slots, nftables.SetElement{Key: slot, Val: encodeTarget(to)}})
		}
	}
	return es
}

// each calls do with the entries, as many at a time as a message takes.
func each(es []entry, do func(*nftables.Set, []nftables.SetElement) error) error {
	var order []*nftables.Set
	by := map[*nftables.Set][]nftables.SetElement{}
	for _, e := range es {
		if by[e.set] == nil {
			order = append(order, e.set)
		}
		by[e.set] = append(by[e.set], e.SetElement)
	}
	for _, set := range order {
		for chunk := range slices.Chunk(by[set], elementsPerMessage) {
			if err := do(set, chunk); err != nil {
				return err
			}
		}
	}
	return nil
}
