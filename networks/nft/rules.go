package nft

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Network is what the rules need to know of a network.
type Network struct {
	Bridge     string         // the link's name
	Subnets    []netip.Prefix // IPv4 and IPv6; packets with other sources do not come from it
	Masquerade []netip.Prefix // of these: what leaves for the outside leaves under the host's address
	Source     netip.Addr     // IPv4; that address instead of the outgoing link's, if valid
	Internal   bool           // nothing passes between it and anything but the host itself
	// Isolated: its containers reach each other by published ports only. Packets
	// between them come by here only where br_netfilter is on; elsewhere the bridge
	// has to see to it.
	Isolated bool
}

// Rules is the whole table.
type Rules struct {
	Networks []Network
	Mappings []Mapping
	// Closed are links between which nothing is forwarded: those of a host that was
	// no router before it forwarded for us, for each family.
	Closed, Closed6 []string
	// Engines are bridges of other container engines. From our bridges, and from
	// closed links, nothing gets there that was not published: the engine has not
	// closed them itself when it found that the host forwards already.
	Engines []string
}

func (r Rules) check() error {
	for _, n := range r.Networks {
		if err := n.check(); err != nil {
			return fmt.Errorf("network of bridge %s: %w", n.Bridge, err)
		}
	}
	return checkAll(r.Mappings)
}

func (n Network) check() error {
	if n.Bridge == "" || len(n.Bridge) >= ifNameBytes {
		return fmt.Errorf("no name of a link: %d letters, and %d is the most", len(n.Bridge), ifNameBytes-1)
	}
	if n.Source.IsValid() && !n.Source.Is4() {
		return fmt.Errorf("packets cannot leave under %s: it is not of IPv4", n.Source)
	}
	for _, p := range slices.Concat(n.Subnets, n.Masquerade) {
		if !p.IsValid() || p.Addr().Is4In6() {
			return errors.New("one of its subnets is none")
		}
	}
	return nil
}

// chain is one of the table's, with its rules. One without a hook is jumped to.
type chain struct {
	name  string
	kind  nftables.ChainType
	hook  *nftables.ChainHook
	at    *nftables.ChainPriority
	rules [][]expr.Any
}

func (c *chain) rule(parts ...[]expr.Any) { c.rules = append(c.rules, slices.Concat(parts...)) }

func (c *chain) in(t *nftables.Table) *nftables.Chain {
	return &nftables.Chain{Table: t, Name: c.name, Type: c.kind, Hooknum: c.hook, Priority: c.at}
}

// chains returns all of a table; a chain comes after those that it jumps to.
func chains(s tableSets, ms []Mapping) (cs []*chain) {
	for _, m := range ms {
		if m.balanced() {
			cs = append(cs, balancer(s, m))
		}
	}
	always := slices.Concat(fromContainers(s), published(s), forwarded(s), leaving(s))
	return append(append(cs, always...), version(always))
}

// version is a chain without rules whose name says what the rules of the others
// are: those of another version of gocompose are not taken for ours.
func version(of []*chain) *chain {
	h := sha256.New()
	for _, c := range of {
		fmt.Fprintln(h, c.name, c.kind)
		if c.hook != nil {
			fmt.Fprintln(h, *c.hook, *c.at)
		}
		for _, rule := range c.rules {
			for _, e := range rule {
				b, err := expr.Marshal(unix.NFPROTO_INET, e)
				fmt.Fprintf(h, "%x %v\n", b, err)
			}
		}
	}
	return &chain{name: "version-" + hex.EncodeToString(h.Sum(nil)[:4])}
}

// balancer is the chain of a mapping with several targets. Each has its own, so
// that each counts its own connections: with one count for all, connections to
// two ports by turns would go to every other target only.
func balancer(s tableSets, m Mapping) *chain {
	f := s.of(m.Host)
	on := !m.Host.IsUnspecified()
	slots := f.slots
	if on {
		slots = f.slotsOn
	}
	load, next := f.key(on)
	c := &chain{name: m.chain()}
	c.rule(f.mapped(slots, append(load, inTurn(len(m.To), next))...))
	return c
}

// fromContainers: which sources are believed.
func fromContainers(s tableSets) []*chain {
	from := &chain{name: "from-container"}
	from.rule(s.v4.from(s.v4.members, expr.MetaKeyIIFNAME), accept())
	from.rule(s.v6.from(s.v6.members, expr.MetaKeyIIFNAME), accept())
	// What one has that has no address yet, or one for its link only.
	from.rule(s.v4.within("169.254.0.0/16", s.v4.source), accept())
	from.rule(s.v4.within("0.0.0.0/32", s.v4.source), s.v4.within("255.255.255.255/32", s.v4.destination), accept())
	from.rule(s.v6.within("fe80::/10", s.v6.source), accept())
	from.rule(s.v6.within("::/128", s.v6.source), s.v6.within("ff00::/8", s.v6.destination), accept())
	from.rule(drop())

	// Addresses of the loopback belong on the loopback. On the way to a bridge
	// they are let through by route_localnet, so others must not send them. The
	// kernel sees to ::1 itself.
	raw := &chain{
		name: "raw-prerouting", kind: nftables.ChainTypeFilter,
		hook: nftables.ChainHookPrerouting, at: nftables.ChainPriorityRaw,
	}
	for _, offset := range []uint32{s.v4.source, s.v4.destination} {
		raw.rule(notLoopback(), s.v4.loopbackAddress(offset), drop())
	}
	raw.rule(in(s.bridges, meta(expr.MetaKeyIIFNAME, reg1)), verdict(expr.VerdictJump, from.name))
	return []*chain{from, raw}
}

// published: what is addressed to this host goes to the container, from wherever
// it comes.
func published(s tableSets) []*chain {
	pre := &chain{
		name: "prerouting", kind: nftables.ChainTypeNAT,
		hook: nftables.ChainHookPrerouting, at: nftables.ChainPriorityNATDest,
	}
	out := &chain{
		name: "output", kind: nftables.ChainTypeNAT,
		hook: nftables.ChainHookOutput, at: nftables.ChainPriorityNATDest,
	}
	v4, v6 := &chain{name: "published"}, &chain{name: "published6"}
	v4.publish(s.v4)
	// Who asks these has such an address too; from one the kernel sends nothing on.
	for _, own := range []string{"::1/128", "fe80::/10"} {
		v6.rule(s.v6.within(own, s.v6.destination), verdict(expr.VerdictReturn, ""))
	}
	v6.publish(s.v6)
	for _, base := range []*chain{pre, out} {
		base.rule(s.v4.toThisHost(), verdict(expr.VerdictJump, v4.name))
		base.rule(s.v6.toThisHost(), verdict(expr.VerdictJump, v6.name))
	}
	return []*chain{v4, v6, pre, out}
}

// publish looks the port up: that of the address before that of all. A packet that
// a change overtakes sees rules as they were, and each map as it is when it gets
// there: it may find no chain, an empty one, or a slot that is no more. So a port
// with several targets is in the map of single ones too, and what a chain does
// not take goes where that says.
func (c *chain) publish(f family) {
	for _, maps := range []struct {
		balanced, single *nftables.Set
		on               bool
	}{{f.balancedOn, f.portsOn, true}, {f.balanced, f.ports, false}} {
		load, _ := f.key(maps.on)
		c.rule(jumped(maps.balanced, slices.Clone(load)...))
		c.rule(f.mapped(maps.single, slices.Clone(load)...))
	}
}

// forwarded: to a container come answers, what was published, and its own network.
func forwarded(s tableSets) []*chain {
	var (
		comesBy, leavesBy = meta(expr.MetaKeyIIFNAME, reg1), meta(expr.MetaKeyOIFNAME, reg1)
		pair              = []expr.Any{comesBy, meta(expr.MetaKeyOIFNAME, reg2)}
		otherwise         = append(slices.Clone(pair), lookup(s.internalPairs, true))
	)
	to := &chain{name: "to-container"}
	to.rule(flags(expr.CtKeySTATE, expr.CtStateBitRELATED), accept())
	to.rule(flags(expr.CtKeySTATUS, ipsDNAT), accept())
	to.rule(in(s.same, slices.Clone(pair)...), accept())
	to.rule(drop())

	forward := &chain{
		name: "forward", kind: nftables.ChainTypeFilter,
		hook: nftables.ChainHookForward, at: nftables.ChainPriorityFilter,
	}
	// What was let through once, both ways, is all but the first packets of a
	// connection: they need not be looked up everywhere again.
	forward.rule(flags(expr.CtKeySTATE, expr.CtStateBitESTABLISHED), accept())
	for _, f := range []family{s.v4, s.v6} {
		forward.rule(f.is(), in(f.closed, comesBy), in(f.closed, leavesBy), drop())
	}
	for _, from := range [][]expr.Any{
		in(s.bridges, comesBy),
		slices.Concat(s.v4.is(), in(s.v4.closed, comesBy)), slices.Concat(s.v6.is(), in(s.v6.closed, comesBy)),
	} {
		forward.rule(from, in(s.engines, leavesBy), flags(expr.CtKeySTATE, expr.CtStateBitNEW), noFlags(expr.CtKeySTATUS, ipsDNAT), drop())
	}
	forward.rule(in(s.internal, comesBy), otherwise, drop())
	forward.rule(in(s.internal, leavesBy), otherwise, drop())
	// An address for the link only is good there only.
	forward.rule(in(s.bridges, comesBy), notTo(s.bridges), s.v4.within("169.254.0.0/16", s.v4.source), drop())
	forward.rule(in(s.bridges, leavesBy), verdict(expr.VerdictJump, to.name))
	return []*chain{to, forward}
}

func notTo(s *nftables.Set) []expr.Any {
	return []expr.Any{meta(expr.MetaKeyOIFNAME, reg1), lookup(s, true)}
}

// leaving: under which address. Answers must come back to this host: from the
// outside, from a container whose client is on its own network, from one whose
// client is this host under an address of the loopback. With br_netfilter,
// packets between containers of one network have no incoming link here.
func leaving(s tableSets) []*chain {
	masquerade := []expr.Any{&expr.Masq{}}
	out := &chain{name: "to-outside"}
	out.rule(s.v4.from(s.v4.masquerade, expr.MetaKeyIIFNAME), []expr.Any{
		meta(expr.MetaKeyIIFNAME, reg1),
		&expr.Lookup{
			SourceRegister: reg1, DestRegister: reg1, IsDestRegSet: true, SetName: s.sources.Name, SetID: s.sources.ID,
		},
		&expr.NAT{Type: expr.NATTypeSourceNAT, Family: uint32(s.v4.proto), RegAddrMin: reg1},
	})
	post := &chain{
		name: "postrouting", kind: nftables.ChainTypeNAT,
		hook: nftables.ChainHookPostrouting, at: nftables.ChainPriorityNATSource,
	}
	post.rule(in(s.bridges, meta(expr.MetaKeyIIFNAME, reg1)), notTo(s.bridges), verdict(expr.VerdictJump, out.name))
	for _, f := range s.families() {
		out.rule(f.from(f.masquerade, expr.MetaKeyIIFNAME), masquerade)
		post.rule(flags(expr.CtKeySTATUS, ipsDNAT), f.from(f.members, expr.MetaKeyOIFNAME), masquerade)
	}
	post.rule(s.v4.loopbackAddress(s.v4.source), in(s.bridges, meta(expr.MetaKeyOIFNAME, reg1)), masquerade)
	return []*chain{out, post}
}
