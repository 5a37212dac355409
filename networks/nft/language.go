package nft

import (
	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Registers of the kernel: one of 16 bytes is four of 4 bytes.
const (
	reg1  = 1
	reg2  = 2
	reg1a = unix.NFT_REG32_00
	reg1b = unix.NFT_REG32_01
	reg1c = unix.NFT_REG32_02
)

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
