package nft

import (
	"net"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Registers of the kernel: one of 16 bytes is four of 4 bytes. With an address
// of IPv6 in the first, the next one of 4 bytes is the fifth.
const (
	reg1  = 1
	reg2  = 2
	reg32 = unix.NFT_REG32_00
)

// The words of the rule language. Each loads something into a register or
// compares register 1.

const (
	ipsDNAT  = 1 << 5 // IPS_DST_NAT: the destination was translated
	rtnLocal = 2      // RTN_LOCAL: an address of this host
)

func ifName(name string) []byte {
	b := make([]byte, ifNameBytes)
	copy(b, name)
	return b
}

func meta(key expr.MetaKey, reg uint32) expr.Any { return &expr.Meta{Key: key, Register: reg} }

func (f family) is() []expr.Any { return []expr.Any{meta(expr.MetaKeyNFPROTO, reg1), equal(f.proto)} }

// at loads an address of the header.
func (f family) at(offset, reg uint32) expr.Any {
	return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: f.size}
}

// within is that the address at offset belongs to the subnet.
func (f family) within(subnet string, offset uint32) []expr.Any {
	p := netip.MustParsePrefix(subnet)
	load := append(f.is(), f.at(offset, reg1))
	if !p.IsSingleIP() {
		load = append(load, &expr.Bitwise{
			SourceRegister: reg1, DestRegister: reg1, Len: f.size,
			Mask: net.CIDRMask(p.Bits(), int(f.size)*8), Xor: make([]byte, f.size),
		})
	}
	return append(load, equal(p.Addr().AsSlice()...))
}

// from is that the source belongs to a subnet of the link, by the set of these.
func (f family) from(s *nftables.Set, link expr.MetaKey) []expr.Any {
	return append(f.is(), in(s, meta(link, reg1), f.at(f.source, reg2))...)
}

// key loads the port that is looked for: the address, if the key has one, the
// protocol, the port. It returns the register after these.
func (f family) key(withAddress bool) (load []expr.Any, next uint32) {
	next = reg32
	if withAddress {
		load = append(f.is(), f.at(f.destination, next))
		next += f.size / 4
	}
	return append(load, meta(expr.MetaKeyL4PROTO, next), port(next+1)), next + 2
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

func drop() []expr.Any   { return verdict(expr.VerdictDrop, "") }
func accept() []expr.Any { return verdict(expr.VerdictAccept, "") }

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
func (f family) loopbackAddress(offset uint32) []expr.Any {
	return append(f.is(),
		&expr.Payload{DestRegister: reg1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 1}, equal(127))
}

func (f family) toThisHost() []expr.Any {
	return append(f.is(),
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

// noFlags is that none of them is.
func noFlags(key expr.CtKey, bits uint32) []expr.Any {
	none := flags(key, bits)
	none[len(none)-1] = &expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: make([]byte, 4)}
	return none
}

// mapped sends the packet to what the map says, if it says something.
func (f family) mapped(s *nftables.Set, load ...expr.Any) []expr.Any {
	return append(load,
		&expr.Lookup{SourceRegister: reg1, DestRegister: reg1, IsDestRegSet: true, SetName: s.Name, SetID: s.ID},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: uint32(f.proto), RegAddrMin: reg1, RegProtoMin: reg32 + f.size/4},
	)
}

// jumped jumps to the chain that the map says, if it says one.
func jumped(s *nftables.Set, load ...expr.Any) []expr.Any {
	const toVerdict = unix.NFT_REG_VERDICT
	return append(load,
		&expr.Lookup{SourceRegister: reg1, DestRegister: toVerdict, IsDestRegSet: true, SetName: s.Name, SetID: s.ID})
}

// inTurn loads 0, 1, up to n-1, and so on: each time the rule gets that far.
func inTurn(n int, reg uint32) expr.Any {
	return &expr.Numgen{Register: reg, Modulus: uint32(n), Type: unix.NFT_NG_INCREMENTAL}
}
