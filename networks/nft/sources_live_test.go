//go:build live

package nft

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/networks/netns"
)

// Packets arrive from those addresses of a that are of its network, and from no
// others: neither at the host nor outside nor, where they come by the packet
// filter, at its neighbour.
func TestSourcesOutsideTheNetworkAreDropped(t *testing.T) {
	eachBridgeFilter(t, func(t *testing.T, b *bed) {
		h := newHost(b)
		must(t, b.table.Replace(h.rules()))
		filtered := filepath.Base(t.Name()) == "br_netfilter=1"
		added := []string{"172.24.0.77", "10.66.0.1", "172.25.0.9", "169.254.7.7", "fd24::77", "fd66::1", "fd25::9"}
		must(t, netns.Do(h.a, func() error {
			in, err := netlink.NewHandle(unix.NETLINK_ROUTE)
			must(t, err)
			defer in.Close()
			for _, a := range added {
				configure(t, in, "eth0", netip.PrefixFrom(netip.MustParseAddr(a), netip.MustParseAddr(a).BitLen()).String())
			}
			return nil
		}))
		for _, c := range []struct {
			at, v4, v6 string
			good       []string
		}{
			{"", "172.24.0.1:9", "[fd24::1]:9", []string{"172.24.0.77", "169.254.7.7", "fd24::77"}},
			{h.lan, "192.0.2.2:9", "[fd99::2]:9", []string{"192.0.2.1", "fd99::1"}},
			{h.b, "172.24.0.3:9", "[fd24::3]:9", []string{"172.24.0.77", "169.254.7.7", "fd24::77"}},
		} {
			good := c.good
			if c.at == h.b && !filtered {
				good = added // the bridge passes them on by itself
			}
			var got []string
			for _, to := range []string{c.v4, c.v6} {
				got = append(got, h.arrive(c.at, to, added)...)
			}
			if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(good))) {
				t.Errorf("at %q arrives what comes from %v, want %v", filepath.Base(c.at), got, good)
			}
		}
	})
}

// arrive sends a packet from each of the addresses in a's namespace, and returns
// the sources that are seen at the other end.
func (h host) arrive(at, to string, sources []string) (seen []string) {
	h.t.Helper()
	var l net.PacketConn
	must(h.t, within(at, func() (err error) {
		l, err = net.ListenPacket("udp", to)
		return err
	}))
	defer l.Close()
	// The good one comes last: then all that arrive are there.
	addr := netip.MustParseAddrPort(to)
	own := "172.24.0.2"
	if addr.Addr().Is6() {
		own = "fd24::2"
	}
	for _, from := range append(slices.Clone(sources), own) {
		if netip.MustParseAddr(from).BitLen() != addr.Addr().BitLen() {
			continue
		}
		must(h.t, netns.Do(h.a, func() error {
			c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0)), net.UDPAddrFromAddrPort(addr))
			must(h.t, err)
			defer c.Close()
			_, err = c.Write([]byte(from))
			return err
		}))
	}
	must(h.t, l.SetReadDeadline(time.Now().Add(someTime)))
	for buf := make([]byte, 64); ; {
		n, from, err := l.ReadFrom(buf)
		must(h.t, err)
		if string(buf[:n]) == own {
			return seen
		}
		host, _, err := net.SplitHostPort(from.String())
		must(h.t, err)
		seen = append(seen, host)
	}
}

func TestAddressesOfTheLinkServeTheLink(t *testing.T) {
	eachBridgeFilter(t, func(t *testing.T, b *bed) {
		h := newHost(b)
		must(t, b.table.Replace(h.rules()))
		b.serve("", b.onLink("", "fe80::1", "shop", 99))
		for addr, want := range map[string]string{
			b.onLink(h.a, "fe80::1", "eth0", 99): ".", b.onLink(h.a, "fe80::3", "eth0", 80): "b",
		} {
			if who, _, err := ask(h.a, addr, someTime); who != want {
				t.Errorf("from a to %s %q answers (%v)", addr, who, err)
			}
		}
	})
}

// A container that takes the address of another one, or the host's, is told so.
// It asks without an address.
func TestAnAddressThatIsTakenIsFoundOut(t *testing.T) {
	eachBridgeFilter(t, func(t *testing.T, b *bed) {
		h := newHost(b)
		must(t, b.table.Replace(h.rules()))
		for _, addr := range []string{"fd24::1", "fd24::3"} {
			if !h.takes(h.a, addr) {
				t.Errorf("nobody says that %s is taken", addr)
			}
		}
		if h.takes(h.a, "fd24::99") {
			t.Errorf("a free address is said to be taken")
		}
	})
}

// takes gives the namespace an address and tells whether it is refused.
func (h host) takes(path, addr string) (refused bool) {
	h.t.Helper()
	must(h.t, netns.Do(path, func() error {
		in, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		must(h.t, err)
		defer in.Close()
		l, err := in.LinkByName("eth0")
		must(h.t, err)
		sysctl(h.t, "ipv6/neigh/eth0/retrans_time_ms", "100") // an answer is waited for that long
		ip := net.ParseIP(addr)
		must(h.t, in.AddrAdd(l, &netlink.Addr{IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(64, 128)}}))
		for end := time.Now().Add(someTime); ; time.Sleep(10 * time.Millisecond) {
			all, err := in.AddrList(l, unix.AF_INET6)
			if errors.Is(err, netlink.ErrDumpInterrupted) {
				continue
			}
			must(h.t, err)
			i := slices.IndexFunc(all, func(a netlink.Addr) bool { return a.IP.Equal(ip) })
			if i < 0 || time.Now().After(end) {
				h.t.Fatalf("%s is neither taken nor free", addr)
			}
			if all[i].Flags&unix.IFA_F_DADFAILED != 0 {
				refused = true
				return nil
			}
			if all[i].Flags&unix.IFA_F_TENTATIVE == 0 {
				return nil
			}
		}
	}))
	return refused
}

// SCTP is sent as raw packets: not every kernel that translates it has sockets
// of it.
func TestPublishedPortsOfSCTP(t *testing.T) {
	h := newHost(newBed(t))
	r := h.rules()
	r.Mappings = []Mapping{mapping(unix.IPPROTO_SCTP, "0.0.0.0:36412", "172.24.0.3:5000")}
	must(t, h.table.Replace(r))
	var l, c net.PacketConn
	must(t, netns.Do(h.b, func() (err error) {
		l, err = net.ListenPacket("ip4:132", "0.0.0.0")
		return err
	}))
	defer l.Close()
	must(t, netns.Do(h.lan, func() (err error) {
		c, err = net.ListenPacket("ip4:132", "0.0.0.0")
		return err
	}))
	defer c.Close()
	_, err := c.WriteTo(sctpInit(40000, 36412), &net.IPAddr{IP: net.ParseIP("192.0.2.1")})
	must(t, err)
	must(t, l.SetReadDeadline(time.Now().Add(someTime)))
	buf := make([]byte, 1500)
	n, from, err := l.ReadFrom(buf)
	must(t, err)
	if from.String() != "192.0.2.2" || !slices.Equal(buf[:n], sctpInit(40000, 5000)) {
		t.Errorf("from %s comes % x, want % x", from, buf[:n], sctpInit(40000, 5000))
	}
}

// sctpInit is the packet that begins an association, with a right checksum.
func sctpInit(from, to uint16) []byte {
	const tag, window, streams, sequence = 7, 65536, 1, 1
	b := binary.BigEndian.AppendUint16(nil, from)
	b = binary.BigEndian.AppendUint16(b, to)
	b = append(b, make([]byte, 8)...) // no tag yet; the checksum
	b = append(b, 1 /* INIT */, 0, 0, 20)
	b = binary.BigEndian.AppendUint32(b, tag)
	b = binary.BigEndian.AppendUint32(b, window)
	b = append(b, 0, streams, 0, streams)
	b = binary.BigEndian.AppendUint32(b, sequence)
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// As one asks for an address by DHCP.
func TestWhoHasNoAddressMayAskEverybody(t *testing.T) {
	h := newHost(newBed(t))
	must(t, h.table.Replace(h.rules()))
	l, err := net.ListenPacket("udp4", ":67")
	must(t, err)
	defer l.Close()
	must(t, netns.Do(h.a, func() error { return h.sendFromNowhere("anybody?") }))
	must(t, l.SetReadDeadline(time.Now().Add(someTime)))
	buf := make([]byte, 64)
	n, _, err := l.ReadFrom(buf)
	must(t, err)
	if string(buf[:n]) != "anybody?" {
		t.Errorf("%q arrives", buf[:n])
	}
}

// sendFromNowhere sends to port 67 of everybody, from 0.0.0.0: the kernel would
// put an address of its own there.
func (h host) sendFromNowhere(text string) error {
	link, err := net.InterfaceByName("eth0")
	must(h.t, err)
	ipv4 := uint16(unix.ETH_P_IP>>8 | unix.ETH_P_IP&0xff<<8)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(ipv4))
	must(h.t, err)
	defer unix.Close(fd)
	udp := []byte{0, 68, 0, 67, 0, byte(8 + len(text)), 0, 0} // without a checksum
	udp = append(udp, text...)
	ip := append([]byte{0x45, 0, 0, byte(20 + len(udp)), 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0, 0, 0, 0, 0}, 255, 255, 255, 255)
	sum := uint32(0)
	for i := 0; i < len(ip); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum+sum>>16))
	everybody := unix.SockaddrLinklayer{Protocol: ipv4, Ifindex: link.Index, Halen: 6, Addr: [8]byte{255, 255, 255, 255, 255, 255}}
	return unix.Sendto(fd, append(ip, udp...), 0, &everybody)
}
