//go:build live

package networks

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/networks/netns"
)

func TestContainersOfOneNetworkReachEachOther(t *testing.T) {
	eachBridgeFilter(t, containersOfOneNetworkReachEachOther)
}

func containersOfOneNetworkReachEachOther(b *bed) {
	b.network("shop_default")
	web, db := b.attach("web", "shop_default"), b.attach("db", "shop_default")
	own, _ := web.Address()
	addr, _ := db.Address()
	for _, proto := range []string{"tcp4", "udp4"} {
		b.serve(db.Netns, proto, ":5432")
		b.reaches(web.Netns, proto, at(addr, 5432), own.String())
	}
	b.reaches(db.Netns, "tcp4", "127.0.0.1:5432")
}

func TestContainersOfAnotherNetworkAreOutOfReach(t *testing.T) {
	eachBridgeFilter(t, containersOfAnotherNetworkAreOutOfReach)
}

func containersOfAnotherNetworkAreOutOfReach(b *bed) {
	b.network("shop_default", "blog_default")
	web, db := b.attach("web", "shop_default"), b.attach("db", "blog_default")
	both := b.attach("both", "shop_default", "blog_default")
	addr, _ := db.Address()
	for _, proto := range []string{"tcp4", "udp4"} {
		b.serve(db.Netns, proto, ":5432")
		b.doesNotReach(web.Netns, proto, at(addr, 5432))
		b.reaches(both.Netns, proto, at(addr, 5432), both.Interfaces[1].Address.Addr().String())
	}
}

func TestAContainerReachesTheOutsideAsItsHost(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	for _, proto := range []string{"tcp4", "udp4"} {
		b.serve(b.lan, proto, ":7000")
		b.reaches(web.Netns, proto, at(lanIP, 7000), hostIP)
	}
}

func TestAContainerIsOutOfReachFromOutsideEvenWithARoute(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	addr, _ := web.Address()
	b.serve(web.Netns, "tcp4", ":80")
	must(t, netns.Do(b.lan, func() error {
		h := b.handle()
		defer h.Close()
		return h.RouteAdd(&netlink.Route{Dst: ipNet(web.Interfaces[0].Address.Masked()), Gw: net.ParseIP(hostIP)})
	}))
	b.doesNotReach(b.lan, "tcp4", at(addr, 80))
	b.reaches("", "tcp4", at(addr, 80))
}

func TestTheHostsLoopbackIsOutOfReach(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	inbox := b.inbox("", "0.0.0.0:7001")
	b.routeLoopbackToHost(b.lan, net.ParseIP(hostIP))
	b.onlySecondArrives(inbox, b.lan, "127.0.0.1:7001", hostIP+":7001")
	b.routeLoopbackToHost(web.Netns, web.Interfaces[0].Gateway.AsSlice())
	b.onlySecondArrives(inbox, web.Netns, "127.0.0.1:7001", hostIP+":7001")
}

func TestAnInterfaceHasTheUplinksMTUAndNoIPv6(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	must(t, netns.Do(web.Netns, func() error {
		h := b.handle()
		defer h.Close()
		link, err := h.LinkByName("eth0")
		must(t, err)
		if link.Attrs().MTU != lanMTU {
			t.Errorf("MTU %d, want %d", link.Attrs().MTU, lanMTU)
		}
		if got := link.Attrs().HardwareAddr.String(); got != web.Interfaces[0].MAC {
			t.Errorf("address %s, want %s", got, web.Interfaces[0].MAC)
		}
		addrs, err := whole(func() ([]netlink.Addr, error) { return h.AddrList(link, netlink.FAMILY_V6) })
		if err != nil || len(addrs) > 0 {
			t.Errorf("IPv6 addresses %v (%v)", addrs, err)
		}
		return nil
	}))
	b.serve(web.Netns, "tcp6", "[::1]:80")
	b.reaches(web.Netns, "tcp6", "[::1]:80")
}

func TestANetworkKeepsItsMTUWhenTheLastContainerLeaves(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	b.attach("web", "shop_default")
	must(t, b.n.Detach(t.Context(), "web"))
	web := b.attach("web", "shop_default")
	if attrs, _, _ := b.inside(web, "eth0"); attrs.MTU != lanMTU {
		t.Errorf("MTU %d, want %d", attrs.MTU, lanMTU)
	}
}

func TestAContainerOfNoNetworkHasItsLoopback(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	job := b.attach("job")
	b.serve(job.Netns, "tcp4", ":80")
	b.reaches(job.Netns, "tcp4", "127.0.0.1:80")
}

func TestQuestionsForNamesGoToTheResolversPort(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	addr, _ := web.Address()
	for _, proto := range []string{"udp4", "tcp4"} {
		// Who asks while nobody answers need not wait for it.
		if _, err := ask(web.Netns, proto, "127.0.0.11:53", patience); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("asking nobody by %s: %v, want a refusal", proto, err)
		}
		b.serve(web.Netns, proto, "127.0.0.11:5353")
		// A connected socket takes answers from the port it asked only.
		b.reaches(web.Netns, proto, "127.0.0.11:53")
		// The application may have a port 53 of its own.
		b.serve(web.Netns, proto, "0.0.0.0:53")
		b.reaches(web.Netns, proto, at(addr, 53))
	}
	// The kernel keeps no account of a container's connections: each of its packets
	// would have to be looked up there.
	must(t, netns.Do(web.Netns, func() error {
		count, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
		if err == nil && strings.TrimSpace(string(count)) != "0" {
			t.Errorf("account is kept of %s connections", count)
		}
		return err
	}))
}
