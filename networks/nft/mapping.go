package nft

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Key is a port of this host.
type Key struct {
	Proto uint8      // IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP
	Host  netip.Addr // 0.0.0.0 or ::: every address of its family of this host
	Port  uint16
}

// Mapping is one published port: packets to it go to one of To, in turn.
//
// Nothing is done with packets to the addresses of IPv6 that are the host's for
// itself (::1) or for one link (fe80::/10): who asks these has such an address
// too, and the kernel sends nothing on that comes from one.
type Mapping struct {
	Key
	To []netip.AddrPort // sorted, at least one, of Host's family
}

// maxTargets is how many a mapping may have.
const maxTargets = 240

// Equal tells whether both are the same port, going to the same targets.
func (m Mapping) Equal(o Mapping) bool { return m.Key == o.Key && slices.Equal(m.To, o.To) }

// String returns "0.0.0.0:8080/tcp".
func (k Key) String() string {
	return fmt.Sprintf("%s/%s", netip.AddrPortFrom(k.Host, k.Port), protocol(k.Proto))
}

func protocol(number uint8) string {
	switch number {
	case unix.IPPROTO_TCP:
		return "tcp"
	case unix.IPPROTO_UDP:
		return "udp"
	case unix.IPPROTO_SCTP:
		return "sctp"
	}
	return fmt.Sprintf("protocol-%d", number)
}

func (m Mapping) check() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("port %s: %s", m.Key, fmt.Sprintf(format, args...))
	}
	switch {
	case !m.Host.IsValid() || m.Host.Is4In6() || m.Host.Zone() != "":
		return wrong("%s is no address for the packet filter", m.Host)
	case len(m.To) == 0:
		return wrong("it leads nowhere")
	case len(m.To) > maxTargets:
		return wrong("it leads to %d containers; %d is the most", len(m.To), maxTargets)
	}
	for i, to := range m.To {
		if to.Addr().BitLen() != m.Host.BitLen() || to.Addr().Is4In6() || to.Addr().Zone() != "" {
			return wrong("it cannot lead to %s, an address of another kind", to)
		}
		if i > 0 && m.To[i-1].Compare(to) >= 0 {
			return wrong("its targets are not sorted, or not different: %v", m.To)
		}
	}
	return nil
}

// checkAll fails also when one port is there twice.
func checkAll(ms []Mapping) error {
	seen := make(map[Key]bool, len(ms))
	for _, m := range ms {
		if err := m.check(); err != nil {
			return err
		}
		if seen[m.Key] {
			return fmt.Errorf("port %s: it is published twice", m.Key)
		}
		seen[m.Key] = true
	}
	return nil
}

func (m Mapping) balanced() bool { return len(m.To) > 1 }

// chain is the name of the chain that a mapping with several targets has:
// "tcp-8080", "tcp-127.0.0.1-8080", "tcp6-8080", "tcp6-fd00__1-8080". No other
// chain's name begins with a protocol's.
func (k Key) chain() string {
	parts := []string{protocol(k.Proto)}
	if k.Host.Is6() {
		parts[0] += "6"
	}
	if !k.Host.IsUnspecified() {
		parts = append(parts, strings.ReplaceAll(k.Host.String(), ":", "_"))
	}
	return strings.Join(append(parts, fmt.Sprint(k.Port)), "-")
}

// Keys and targets as the kernel has them: each part begins at a multiple of
// four bytes. The key of a port on every address has no address.

func (k Key) encode() []byte {
	b := []byte{k.Proto, 0, 0, 0, byte(k.Port >> 8), byte(k.Port), 0, 0}
	if k.Host.IsUnspecified() {
		return b
	}
	return append(k.Host.AsSlice(), b...)
}

// decodeKey reads a key; anywhere is the address of those that have none.
func decodeKey(b []byte, anywhere netip.Addr) (k Key, ok bool) {
	k.Host = anywhere
	if n := len(b) - 8; n > 0 {
		if k.Host, ok = netip.AddrFromSlice(b[:n]); !ok {
			return k, false
		}
		b = b[n:]
	}
	if len(b) != 8 {
		return k, false
	}
	k.Proto, k.Port = b[0], binary.BigEndian.Uint16(b[4:])
	return k, true
}

func encodeTarget(to netip.AddrPort) []byte {
	return append(to.Addr().AsSlice(), byte(to.Port()>>8), byte(to.Port()), 0, 0)
}

func decodeTarget(b []byte) (to netip.AddrPort, ok bool) {
	if len(b) < 4 {
		return to, false
	}
	n := len(b) - 4
	addr, ok := netip.AddrFromSlice(b[:n])
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(b[n:])), ok
}

// last is the last address of a subnet.
func last(p netip.Prefix) []byte {
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return b
}
