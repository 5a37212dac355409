package networks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// This file is all that knows of the nftables library and of the kernel's rule
// language. IPv4 only, as networks are; kernel 5.7 or newer, for the incoming
// link to be known in postrouting.

// errNoRules: our table, or a part of it, is not there.
var errNoRules = errors.New("no ruleset")

// ruleset is one table of the kernel's packet filter: ours alone. It is always
// replaced as a whole, save for the maps of published ports.
type ruleset struct{ table string }

// mapping is one published port: packets to host:port go to to.
type mapping struct {
	proto uint8      // IPPROTO_TCP or IPPROTO_UDP
	host  netip.Addr // 0.0.0.0: every address of this host
	port  uint16
	to    netip.AddrPort
}

// Names of the sets. "same-bridge" holds each bridge paired with itself: what
// comes in by it and leaves by it; "members" each bridge with the addresses of
// its network.
const (
	setBridges  = "bridges"
	setSame     = "same-bridge"
	setMembers  = "members"
	mapPorts    = "ports"
	mapPortsOn  = "ports-on-address"
	ifNameBytes = 16 // IFNAMSIZ
	// elementsPerMessage keeps a message below the 64 KiB that the length of a
	// netlink attribute can say.
	elementsPerMessage = 256
	socketBuffer       = 4 << 20 // for a transaction of some thousand ports
)

// Registers of the kernel: one of 16 bytes is four of 4 bytes.
const (
	reg1  = 1
	reg2  = 2
	reg1a = unix.NFT_REG32_00
	reg1b = unix.NFT_REG32_01
	reg1c = unix.NFT_REG32_02
)

type nftSets struct{ bridges, same, members, ports, portsOn *nftables.Set }

func (r ruleset) inet() *nftables.Table {
	return &nftables.Table{Name: r.table, Family: nftables.TableFamilyINet}
}

// sets describes the sets. Their numbers mean something within a transaction
// only.
func sets(t *nftables.Table) nftSets {
	link, proto, port, addr := nftables.TypeIFName, nftables.TypeInetProto, nftables.TypeInetService, nftables.TypeIPAddr
	target := nftables.MustConcatSetType(addr, port)
	return nftSets{
		bridges: &nftables.Set{Table: t, ID: 1, Name: setBridges, KeyType: link, KeyByteOrder: binaryutil.NativeEndian},
		same: &nftables.Set{
			Table: t, ID: 2, Name: setSame, Concatenation: true, KeyType: nftables.MustConcatSetType(link, link),
		},
		members: &nftables.Set{
			Table: t, ID: 5, Name: setMembers, Concatenation: true, Interval: true,
			KeyType: nftables.MustConcatSetType(link, addr),
		},
		ports: &nftables.Set{
			Table: t, ID: 3, Name: mapPorts, IsMap: true, Concatenation: true,
			KeyType: nftables.MustConcatSetType(proto, port), DataType: target,
		},
		portsOn: &nftables.Set{
			Table: t, ID: 4, Name: mapPortsOn, IsMap: true, Concatenation: true,
			KeyType: nftables.MustConcatSetType(addr, proto, port), DataType: target,
		},
	}
}

// openRules returns a connection to the packet filter of the calling thread's
// namespace.
func openRules() (*nftables.Conn, error) {
	c, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(s *netlink.Conn) error {
		return errors.Join(s.SetReadBuffer(socketBuffer), s.SetWriteBuffer(socketBuffer))
	}))
	if err != nil {
		return nil, fmt.Errorf("opening nftables: %w", err)
	}
	return c, nil
}

// transact sends what change has collected: all of it comes true, or nothing.
func transact(change func(c *nftables.Conn) error) error {
	c, err := openRules()
	if err != nil {
		return err
	}
	err = change(c)
	if err == nil {
		err = c.Flush()
	}
	if err := errors.Join(err, c.CloseLasting()); err != nil {
		return fmt.Errorf("changing the nftables rules: %w", err)
	}
	return nil
}

// replace puts a new table in the place of the old one, if there was one.
func (r ruleset) replace(networks []Record, ms []mapping) error {
	return transact(func(c *nftables.Conn) error {
		t := c.AddTable(r.inet())
		c.DelTable(t)
		c.AddTable(t)
		s := sets(t)
		var names, pairs, members []nftables.SetElement
		for _, n := range networks {
			name := ifName(n.Bridge)
			names = append(names, nftables.SetElement{Key: name})
			pairs = append(pairs, nftables.SetElement{Key: slices.Concat(name, name)})
			members = append(members, nftables.SetElement{
				Key:    slices.Concat(name, n.Subnet.Masked().Addr().AsSlice()),
				KeyEnd: slices.Concat(name, lastAddr(n.Subnet).AsSlice()),
			})
		}
		if err := errors.Join(
			c.AddSet(s.bridges, names), c.AddSet(s.same, pairs), c.AddSet(s.members, members),
			c.AddSet(s.ports, nil), c.AddSet(s.portsOn, nil),
		); err != nil {
			return err
		}
		addRules(c, t, s)
		return s.each(ms, c.SetAddElements)
	})
}

// remove removes the table. No table is no error.
func (r ruleset) remove() error {
	return transact(func(c *nftables.Conn) error {
		c.DelTable(c.AddTable(r.inet()))
		return nil
	})
}

// holds tells whether the table is there and knows the bridge.
func (r ruleset) holds(bridge string) (bool, error) {
	c, err := openRules()
	if err != nil {
		return false, err
	}
	elements, err := elements(c, sets(r.inet()).bridges)
	if err := errors.Join(err, c.CloseLasting()); errors.Is(err, errNoRules) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return slices.ContainsFunc(elements, func(e nftables.SetElement) bool {
		return slices.Equal(e.Key, ifName(bridge))
	}), nil
}

// published returns what is mapped, or errNoRules.
func (r ruleset) published() (ms []mapping, err error) {
	c, err := openRules()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.CloseLasting()) }()
	s := sets(r.inet())
	for _, set := range []*nftables.Set{s.ports, s.portsOn} {
		es, err := elements(c, set)
		if err != nil {
			return nil, err
		}
		for _, e := range es {
			ms = append(ms, decode(e))
		}
	}
	return ms, nil
}

func elements(c *nftables.Conn, s *nftables.Set) ([]nftables.SetElement, error) {
	// The library's answer about elements does not say that there is no set.
	_, err := c.GetSetByName(s.Table, s.Name)
	if errors.Is(err, unix.ENOENT) {
		return nil, errNoRules
	}
	if err == nil {
		var es []nftables.SetElement
		if es, err = c.GetSetElements(s); err == nil {
			return es, nil
		}
	}
	return nil, fmt.Errorf("reading the nftables set %s: %w", s.Name, err)
}

// change takes mappings away, which must be there, and adds others, at once.
func (r ruleset) change(drop, add []mapping) error {
	if len(drop) == 0 && len(add) == 0 {
		return nil
	}
	return transact(func(c *nftables.Conn) error {
		s := sets(r.inet())
		return errors.Join(s.each(drop, c.SetDeleteElements), s.each(add, c.SetAddElements))
	})
}

// each calls do with the elements of ms, as many at a time as a message takes.
func (s nftSets) each(ms []mapping, do func(*nftables.Set, []nftables.SetElement) error) error {
	var anywhere, on []nftables.SetElement
	for _, m := range ms {
		if e := m.encode(); m.host.IsUnspecified() {
			anywhere = append(anywhere, e)
		} else {
			on = append(on, e)
		}
	}
	for chunk := range slices.Chunk(anywhere, elementsPerMessage) {
		if err := do(s.ports, chunk); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(on, elementsPerMessage) {
		if err := do(s.portsOn, chunk); err != nil {
			return err
		}
	}
	return nil
}

// encode writes the mapping as the kernel has it: each part begins at a multiple
// of four bytes.
func (m mapping) encode() nftables.SetElement {
	key := []byte{m.proto, 0, 0, 0, byte(m.port >> 8), byte(m.port), 0, 0}
	if !m.host.IsUnspecified() {
		key = append(m.host.AsSlice(), key...)
	}
	return nftables.SetElement{
		Key: key, Val: append(m.to.Addr().AsSlice(), byte(m.to.Port()>>8), byte(m.to.Port()), 0, 0),
	}
}

func decode(e nftables.SetElement) mapping {
	m, key := mapping{host: netip.IPv4Unspecified()}, e.Key
	if len(key) == 12 {
		m.host, key = netip.AddrFrom4([4]byte(key)), key[4:]
	}
	m.proto, m.port = key[0], binary.BigEndian.Uint16(key[4:])
	m.to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(e.Val)), binary.BigEndian.Uint16(e.Val[4:]))
	return m
}

// addRules writes the rules; they hold for all networks and never change.
func addRules(c *nftables.Conn, t *nftables.Table, s nftSets) {
	base := func(name string, kind nftables.ChainType, hook *nftables.ChainHook, at *nftables.ChainPriority) *nftables.Chain {
		return c.AddChain(&nftables.Chain{Table: t, Name: name, Type: kind, Hooknum: hook, Priority: at})
	}
	rule := func(chain *nftables.Chain, parts ...[]expr.Any) {
		c.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: slices.Concat(parts...)})
	}
	var (
		fromBridge, toBridge = in(s.bridges, meta(expr.MetaKeyIIFNAME, reg1)), in(s.bridges, meta(expr.MetaKeyOIFNAME, reg1))
		sameBridge           = in(s.same, meta(expr.MetaKeyIIFNAME, reg1), meta(expr.MetaKeyOIFNAME, reg2))
		toUplink             = []expr.Any{meta(expr.MetaKeyOIFNAME, reg1), lookup(s.bridges, true)}
		translated           = flags(expr.CtKeySTATUS, ipsDNAT)
	)

	// Addresses of the loopback belong on the loopback. On the way to a bridge
	// they are let through by route_localnet, so others must not send them.
	raw := base("raw-prerouting", nftables.ChainTypeFilter, nftables.ChainHookPrerouting, nftables.ChainPriorityRaw)
	for _, offset := range []uint32{offsetSource, offsetDestination} {
		rule(raw, notLoopback(), loopbackAddress(offset), verdict(expr.VerdictDrop, ""))
	}

	// Published ports: what is addressed to this host goes to the container,
	// from wherever it comes.
	published := c.AddChain(&nftables.Chain{Table: t, Name: "published"})
	rule(published, ipv4(), mapped(s.portsOn, ipv4At(offsetDestination, reg1a), meta(expr.MetaKeyL4PROTO, reg1b), port(reg1c)))
	rule(published, mapped(s.ports, meta(expr.MetaKeyL4PROTO, reg1a), port(reg1b)))
	prerouting := base("prerouting", nftables.ChainTypeNAT, nftables.ChainHookPrerouting, nftables.ChainPriorityNATDest)
	rule(prerouting, toThisHost(), verdict(expr.VerdictJump, published.Name))
	output := base("output", nftables.ChainTypeNAT, nftables.ChainHookOutput, nftables.ChainPriorityNATDest)
	rule(output, toThisHost(), verdict(expr.VerdictJump, published.Name))

	// To a container come answers, what was published, and its own network.
	inbound := c.AddChain(&nftables.Chain{Table: t, Name: "to-container"})
	rule(inbound, flags(expr.CtKeySTATE, expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED), verdict(expr.VerdictAccept, ""))
	rule(inbound, translated, verdict(expr.VerdictAccept, ""))
	rule(inbound, sameBridge, verdict(expr.VerdictAccept, ""))
	rule(inbound, verdict(expr.VerdictDrop, ""))
	forward := base("forward", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPriorityFilter)
	rule(forward, toBridge, verdict(expr.VerdictJump, inbound.Name))

	// Answers must come back to this host: from the outside, from a container
	// whose client is on its own network, from one whose client is this host
	// under an address of the loopback. With br_netfilter, packets between
	// containers of one network have no incoming link here.
	masquerade := []expr.Any{&expr.Masq{}}
	post := base("postrouting", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource)
	rule(post, fromBridge, toUplink, masquerade)
	rule(post, translated, ipv4(), in(s.members, meta(expr.MetaKeyOIFNAME, reg1), ipv4At(offsetSource, reg2)), masquerade)
	rule(post, loopbackAddress(offsetSource), toBridge, masquerade)
}

// redirectDNS sends questions to 127.0.0.11:53 to the given port of that
// address, in the namespace of the calling thread. The answers come from port
// 53, as the one who asks expects. It can be repeated.
func redirectDNS(to uint16) error {
	resolver := [4]byte{127, 0, 0, 11} // Docker's
	return transact(func(c *nftables.Conn) error {
		t := c.AddTable(&nftables.Table{Name: "gocompose-dns", Family: nftables.TableFamilyIPv4})
		c.FlushTable(t)
		out := c.AddChain(&nftables.Chain{
			Table: t, Name: "output", Type: nftables.ChainTypeNAT,
			Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityNATDest,
		})
		for _, proto := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
			c.AddRule(&nftables.Rule{Table: t, Chain: out, Exprs: []expr.Any{
				ipv4At(offsetDestination, reg1), equal(resolver[:]...),
				meta(expr.MetaKeyL4PROTO, reg1), equal(proto),
				port(reg1), equal(0, 53),
				&expr.Immediate{Register: reg1, Data: resolver[:]},
				&expr.Immediate{Register: reg2, Data: binaryutil.BigEndian.PutUint16(to)},
				&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: reg1, RegProtoMin: reg2},
			}})
		}
		return nil
	})
}

// The words of the rule language. Each loads something into a register or
// compares register 1.

const (
	offsetSource      = 12 // of the addresses in an IPv4 header
	offsetDestination = 16
	ipsDNAT           = 1 << 5 // IPS_DST_NAT: the destination was translated
	rtnLocal          = 2      // RTN_LOCAL: an address of this host
)

func ifName(name string) []byte {
	b := make([]byte, ifNameBytes)
	copy(b, name)
	return b
}

func meta(key expr.MetaKey, reg uint32) expr.Any { return &expr.Meta{Key: key, Register: reg} }

func ipv4() []expr.Any {
	return []expr.Any{meta(expr.MetaKeyNFPROTO, reg1), equal(unix.NFPROTO_IPV4)}
}

func ipv4At(offset, reg uint32) expr.Any {
	return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4}
}

// port is the destination's, of whichever protocol.
func port(reg uint32) expr.Any {
	return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}
}

func equal(data ...byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: data}
}

func verdict(kind expr.VerdictKind, chain string) []expr.Any {
	return []expr.Any{&expr.Verdict{Kind: kind, Chain: chain}}
}

func lookup(s *nftables.Set, invert bool) expr.Any {
	return &expr.Lookup{SourceRegister: reg1, SetName: s.Name, SetID: s.ID, Invert: invert}
}

func in(s *nftables.Set, load ...expr.Any) []expr.Any { return append(load, lookup(s, false)) }

func notLoopback() []expr.Any {
	return []expr.Any{
		meta(expr.MetaKeyIIFNAME, reg1), &expr.Cmp{Op: expr.CmpOpNeq, Register: reg1, Data: ifName("lo")},
	}
}

// loopbackAddress is 127.0.0.0/8.
func loopbackAddress(offset uint32) []expr.Any {
	return append(ipv4(),
		&expr.Payload{DestRegister: reg1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 1}, equal(127))
}

func toThisHost() []expr.Any {
	return append(ipv4(),
		&expr.Fib{Register: reg1, ResultADDRTYPE: true, FlagDADDR: true},
		equal(binaryutil.NativeEndian.PutUint32(rtnLocal)...))
}

// flags is that any of the bits of a connection's state or status is set.
func flags(key expr.CtKey, bits uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Register: reg1, Key: key},
		&expr.Bitwise{
			SourceRegister: reg1, DestRegister: reg1, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: make([]byte, 4),
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg1, Data: make([]byte, 4)},
	}
}

// mapped sends the packet to what the map says, if it says something.
func mapped(s *nftables.Set, load ...expr.Any) []expr.Any {
	return append(load,
		&expr.Lookup{SourceRegister: reg1, DestRegister: reg1, IsDestRegSet: true, SetName: s.Name, SetID: s.ID},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: reg1, RegProtoMin: reg1b},
	)
}
