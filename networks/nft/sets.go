package nft

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
)

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
)

type tableSets struct{ bridges, same, members, ports, portsOn *nftables.Set }

// sets describes the sets. Their numbers mean something within a transaction
// only.
func sets(t *nftables.Table) tableSets {
	link, proto, port, addr := nftables.TypeIFName, nftables.TypeInetProto, nftables.TypeInetService, nftables.TypeIPAddr
	target := nftables.MustConcatSetType(addr, port)
	return tableSets{
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

// each calls do with the elements of ms, as many at a time as a message takes.
func (s tableSets) each(ms []Mapping, do func(*nftables.Set, []nftables.SetElement) error) error {
	var anywhere, on []nftables.SetElement
	for _, m := range ms {
		if e := m.encode(); m.Host.IsUnspecified() {
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
func (m Mapping) encode() nftables.SetElement {
	key := []byte{m.Proto, 0, 0, 0, byte(m.Port >> 8), byte(m.Port), 0, 0}
	if !m.Host.IsUnspecified() {
		key = append(m.Host.AsSlice(), key...)
	}
	return nftables.SetElement{
		Key: key, Val: append(m.To.Addr().AsSlice(), byte(m.To.Port()>>8), byte(m.To.Port()), 0, 0),
	}
}

func decode(e nftables.SetElement) Mapping {
	m, key := Mapping{Host: netip.IPv4Unspecified()}, e.Key
	if len(key) == 12 {
		m.Host, key = netip.AddrFrom4([4]byte(key)), key[4:]
	}
	m.Proto, m.Port = key[0], binary.BigEndian.Uint16(key[4:])
	m.To = netip.AddrPortFrom(netip.AddrFrom4([4]byte(e.Val)), binary.BigEndian.Uint16(e.Val[4:]))
	return m
}

// last is the last address of an IPv4 subnet.
func last(p netip.Prefix) []byte {
	b := p.Masked().Addr().As4()
	n := binary.BigEndian.Uint32(b[:]) | (1<<(32-p.Bits()) - 1)
	return binary.BigEndian.AppendUint32(nil, n)
}
