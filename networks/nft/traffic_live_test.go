//go:build live

package nft

import (
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/networks/netns"
)

// host has a LAN and two networks: shop with a and b, other with c. The LAN knows
// the way to the containers, which is what others may not rely on.
type host struct {
	*bed
	lan, a, b, c string
}

func newHost(b *bed) host {
	b.t.Helper()
	b.bridge("shop", "172.24.0.1/24", "fd24::1/64", "fe80::1/64")
	b.bridge("other", "172.25.0.1/24", "fd25::1/64")
	h := host{bed: b}
	shop, other := []string{"172.24.0.1", "fd24::1"}, []string{"172.25.0.1", "fd25::1"}
	h.a = b.place("a", "shop", shop, "172.24.0.2/24", "fd24::2/64")
	h.b = b.place("b", "shop", shop, "172.24.0.3/24", "fd24::3/64", "fe80::3/64")
	h.c = b.place("c", "other", other, "172.25.0.2/24", "fd25::2/64")
	h.lan = b.place("lan", "", nil, "192.0.2.2/24", "fd99::2/64")
	configure(b.t, b.h, "lan", "192.0.2.1/24", "fd99::1/64", "192.0.2.10/32", "fe80::1/64")
	must(b.t, netns.Do(h.lan, func() error {
		in, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		must(b.t, err)
		defer in.Close()
		for to, via := range map[string]string{"172.16.0.0/12": "192.0.2.1", "fd24::/63": "fd99::1"} {
			_, dst, err := net.ParseCIDR(to)
			must(b.t, err)
			must(b.t, in.RouteAdd(&netlink.Route{Dst: dst, Gw: net.ParseIP(via)}))
		}
		return nil
	}))
	for _, path := range []string{h.a, h.b, h.c, h.lan} {
		b.serve(path, ":80")
	}
	return h
}

// rules are those of the host's networks.
func (h host) rules() Rules {
	network := func(bridge string, subnets ...string) Network {
		return Network{Bridge: bridge, Subnets: prefixes(subnets...), Masquerade: prefixes(subnets...)}
	}
	return Rules{Networks: []Network{
		network("shop", "172.24.0.0/24", "fd24::/64"), network("other", "172.25.0.0/24", "fd25::/64"),
	}}
}

// reaches checks who answers, and which client it sees.
func (h host) reaches(from, addr, who, saw string) {
	h.t.Helper()
	gotWho, gotSaw, err := ask(from, addr, someTime)
	if err != nil || gotWho != who || gotSaw != saw {
		h.t.Errorf("from %s to %s: %s answers, to %s (%v), want %s, to %s", filepath.Base(from), addr, gotWho, gotSaw, err, who, saw)
	}
}

func (h host) fails(from string, addrs ...string) {
	h.t.Helper()
	var all sync.WaitGroup
	for _, addr := range addrs {
		all.Go(func() {
			if who, saw, err := ask(from, addr, noTime); err == nil {
				h.t.Errorf("from %s to %s: %s answers, to %s", filepath.Base(from), addr, who, saw)
			}
		})
	}
	all.Wait()
}

func TestContainersReachWhatTheyMay(t *testing.T) {
	eachBridgeFilter(t, func(t *testing.T, b *bed) {
		h := newHost(b)
		must(t, b.table.Replace(h.rules()))
		h.reaches(h.a, "172.24.0.3:80", "b", "172.24.0.2")
		h.reaches(h.a, "[fd24::3]:80", "b", "fd24::2")
		h.reaches(h.a, "192.0.2.2:80", "lan", "192.0.2.1")
		h.reaches(h.a, "[fd99::2]:80", "lan", "fd99::1")
		h.fails(h.a, "172.25.0.2:80", "[fd25::2]:80")
		h.fails(h.lan, "172.24.0.2:80", "[fd24::2]:80")
	})
}

func TestWhatLeavesCanKeepItsAddressOrHaveAnother(t *testing.T) {
	h := newHost(newBed(t))
	r := h.rules()
	r.Networks[0].Masquerade = nil
	r.Networks[1].Source = netip.MustParseAddr("192.0.2.10")
	must(t, h.table.Replace(r))
	h.reaches(h.a, "192.0.2.2:80", "lan", "172.24.0.2")
	h.reaches(h.a, "[fd99::2]:80", "lan", "fd24::2")
	h.reaches(h.c, "192.0.2.2:80", "lan", "192.0.2.10")
	h.reaches(h.c, "[fd99::2]:80", "lan", "fd99::1")
}

func TestPublishedPortsAreReachedFromEverywhere(t *testing.T) {
	eachBridgeFilter(t, func(t *testing.T, b *bed) {
		h := newHost(b)
		r := h.rules()
		r.Mappings = []Mapping{
			mapping(unix.IPPROTO_TCP, "0.0.0.0:8080", "172.24.0.3:80"),
			mapping(unix.IPPROTO_TCP, "[::]:8080", "[fd24::3]:80"),
			mapping(unix.IPPROTO_TCP, "192.0.2.10:81", "172.24.0.3:80"),
			mapping(unix.IPPROTO_TCP, "[fd99::1]:81", "[fd24::3]:80"),
		}
		must(t, b.table.Replace(r))
		h.reaches(h.lan, "192.0.2.1:8080", "b", "192.0.2.2")
		h.reaches(h.lan, "[fd99::1]:8080", "b", "fd99::2")
		h.reaches(h.c, "192.0.2.1:8080", "b", "172.25.0.2")
		h.reaches(h.c, "[fd99::1]:81", "b", "fd25::2")
		h.reaches("", "127.0.0.1:8080", "b", "172.24.0.1")
		h.reaches("", "192.0.2.10:81", "b", "192.0.2.10")
		h.reaches("", "[fd99::1]:8080", "b", "fd99::1")
		h.fails(h.lan, "192.0.2.1:81", "127.0.0.1:8080")
		// From its own network.
		h.reaches(h.a, "192.0.2.1:8080", "b", "172.24.0.1")
		h.reaches(h.a, "[fd99::1]:8080", "b", "fd24::1")
		// ::1 is left to somebody who listens there.
		b.serve("", "[::1]:8080")
		h.reaches("", "[::1]:8080", ".", "::1")
		// So is an address that is good on the link only.
		b.serve("", b.onLink("", "fe80::1", "lan", 8080))
		if who, _, err := ask(h.lan, b.onLink(h.lan, "fe80::1", "eth0", 8080), someTime); who != "." {
			t.Errorf("under an address of the link only %q answers (%v)", who, err)
		}
	})
}

func TestAnInternalNetworkIsClosed(t *testing.T) {
	eachBridgeFilter(t, func(t *testing.T, b *bed) {
		h := newHost(b)
		r := h.rules()
		r.Networks[0].Internal = true
		r.Mappings = []Mapping{
			mapping(unix.IPPROTO_TCP, "0.0.0.0:8080", "172.24.0.3:80"), mapping(unix.IPPROTO_TCP, "[::]:8080", "[fd24::3]:80"),
			mapping(unix.IPPROTO_TCP, "0.0.0.0:8081", "172.25.0.2:80"), mapping(unix.IPPROTO_UDP, "0.0.0.0:9", "172.24.0.3:9"),
		}
		must(t, b.table.Replace(r))
		h.reaches(h.a, "172.24.0.3:80", "b", "172.24.0.2")
		h.reaches(h.a, "[fd24::3]:80", "b", "fd24::2")
		b.serve("", "172.24.0.1:99")
		h.reaches(h.a, "172.24.0.1:99", ".", "172.24.0.2")
		h.fails(h.a, "192.0.2.2:80", "[fd99::2]:80", "192.0.2.1:8081", "172.25.0.2:80")
		h.fails(h.lan, "192.0.2.1:8080", "[fd99::1]:8080", "172.24.0.3:80")
		h.fails(h.c, "192.0.2.1:8080", "[fd99::1]:8080")
		// Not even one packet, which nobody has to answer.
		for from, addrs := range map[string][]string{
			h.a: {"192.0.2.2:9", "[fd99::2]:9"}, h.lan: {"192.0.2.1:9"}, h.c: {"192.0.2.1:9"},
		} {
			at := h.lan
			if from != h.a {
				at = h.b
			}
			for _, addr := range addrs {
				if h.passes(from, addr, at) {
					t.Errorf("a packet from %s to %s arrives", filepath.Base(from), addr)
				}
			}
		}
	})
}

// passes tells whether a packet of UDP arrives at a namespace. It waits for what
// must not arrive.
func (h host) passes(from, to, at string) bool {
	h.t.Helper()
	var l net.PacketConn
	must(h.t, within(at, func() (err error) {
		l, err = net.ListenPacket("udp", ":9")
		return err
	}))
	defer l.Close()
	must(h.t, within(from, func() error {
		c, err := net.Dial("udp", to)
		must(h.t, err)
		defer c.Close()
		_, err = c.Write([]byte("?"))
		return err
	}))
	must(h.t, l.SetReadDeadline(time.Now().Add(noTime)))
	_, _, err := l.ReadFrom(make([]byte, 8))
	return err == nil
}

func TestContainersOfAnIsolatedNetworkReachEachOtherByPublishedPortsOnly(t *testing.T) {
	b := newBed(t)
	sysctl(t, "bridge/bridge-nf-call-iptables", "1")
	sysctl(t, "bridge/bridge-nf-call-ip6tables", "1")
	h := newHost(b)
	r := h.rules()
	r.Networks[0].Isolated = true
	r.Mappings = []Mapping{mapping(unix.IPPROTO_TCP, "0.0.0.0:8080", "172.24.0.3:80"), mapping(unix.IPPROTO_TCP, "[::]:8080", "[fd24::3]:80")}
	must(t, b.table.Replace(r))
	h.fails(h.a, "172.24.0.3:80", "[fd24::3]:80")
	h.reaches(h.a, "192.0.2.1:8080", "b", "172.24.0.1")
	h.reaches(h.a, "[fd99::1]:8080", "b", "fd24::1")
	h.reaches(h.a, "192.0.2.2:80", "lan", "192.0.2.1")
	h.reaches(h.a, "[fd99::2]:80", "lan", "fd99::1")
}

// On a host that was no router before, we turn forwarding on.
func TestNothingIsForwardedBetweenClosedLinks(t *testing.T) {
	h := newHost(newBed(t))
	far := h.place("far", "", []string{"203.0.113.1", "fd98::1"}, "203.0.113.2/24", "fd98::2/64")
	configure(t, h.h, "far", "203.0.113.1/24", "fd98::1/64")
	must(t, netns.Do(h.lan, func() error {
		in, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		must(t, err)
		defer in.Close()
		for _, via := range []string{"192.0.2.1", "fd99::1"} {
			must(t, in.RouteAdd(&netlink.Route{Gw: net.ParseIP(via)}))
		}
		return nil
	}))
	h.serve(far, ":80")
	r := h.rules()
	r.Mappings = []Mapping{mapping(unix.IPPROTO_TCP, "0.0.0.0:8080", "172.24.0.3:80")}
	r.Closed, r.Closed6 = []string{"lan"}, []string{"lan"}
	must(t, h.table.Replace(r))
	h.reaches(h.lan, "203.0.113.2:80", "far", "192.0.2.2")
	h.reaches(h.lan, "[fd98::2]:80", "far", "fd99::2")
	r.Closed, r.Closed6 = []string{"lan", "far"}, []string{"lan", "far"}
	must(t, h.table.Replace(r))
	h.fails(h.lan, "203.0.113.2:80", "[fd98::2]:80")
	h.fails(far, "192.0.2.2:80", "[fd99::2]:80")
	// Neither the containers nor the host itself are concerned.
	h.reaches(h.lan, "192.0.2.1:8080", "b", "192.0.2.2")
	h.reaches(h.a, "203.0.113.2:80", "far", "203.0.113.1")
	h.reaches("", "203.0.113.2:80", "far", "203.0.113.1")
}
