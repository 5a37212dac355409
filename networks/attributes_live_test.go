//go:build live

package networks

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
	"github.com/gocompose/gocompose/project"
)

// make makes networks of the definitions, and takes them down at the end.
func (b *bed) make(networks ...project.Network) {
	b.t.Helper()
	var names []string
	for _, n := range networks {
		must(b.t, b.n.CreateNetwork(b.t.Context(), n))
		names = append(names, n.Name)
	}
	b.network(names...)
}

// place attaches a container to the places.
func (b *bed) place(id string, places ...project.Endpoint) endpoint.Endpoint {
	b.t.Helper()
	req := AttachRequest{ID: id, Name: id, Project: "p", Service: id, DNSPort: 5353}
	for _, p := range places {
		req.Endpoints = append(req.Endpoints, NetworkEndpoint{Endpoint: p, Names: []string{id}})
	}
	e, err := b.n.Attach(b.t.Context(), req)
	must(b.t, err)
	return e
}

func subnet(s string) project.Subnet { return project.Subnet{Subnet: netip.MustParsePrefix(s)} }

func TestABridgeOverASubnetWhereTheHostIsItselfIsRefused(t *testing.T) {
	b := newBed(t)
	home := project.Network{Name: "home", Subnets: []project.Subnet{subnet("10.99.0.0/16")}}
	err := b.n.CreateNetwork(t.Context(), home)
	for _, want := range []string{"10.99.0.0/16", `"home"`, hostIP, "uplink", "macvlan"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want it to name %s", err, want)
		}
	}
	home.Driver, home.Options = project.DriverMacvlan, map[string]string{optParent: "uplink"}
	b.make(home)
}

// inside returns what the kernel has of the container's interface.
func (b *bed) inside(e endpoint.Endpoint, name string) (attrs *netlink.LinkAttrs, addrs, routes []string) {
	b.t.Helper()
	must(b.t, netns.Do(e.Netns, func() error {
		h := b.handle()
		defer h.Close()
		link, err := h.LinkByName(name)
		if err != nil {
			return err
		}
		attrs = link.Attrs()
		list, err := whole(func() ([]netlink.Addr, error) { return h.AddrList(link, netlink.FAMILY_ALL) })
		if err != nil {
			return err
		}
		for _, a := range list {
			if a.Scope == int(netlink.SCOPE_UNIVERSE) {
				addrs = append(addrs, a.IPNet.String())
			}
		}
		all, err := whole(func() ([]netlink.Route, error) { return h.RouteList(link, netlink.FAMILY_ALL) })
		for _, r := range all {
			if isDefault(r) {
				routes = append(routes, r.Gw.String())
			}
		}
		return err
	}))
	return attrs, addrs, routes
}

func TestAnInterfaceHasTheAddressesNameAndHardwareAddressThatItAsksFor(t *testing.T) {
	b := newBed(t)
	b.make(project.Network{Name: "shop_back", IPv6: true, Subnets: []project.Subnet{subnet("10.77.0.0/24"), subnet("fd77::/64")}})
	e := b.place("web", project.Endpoint{
		Network: "shop_back", IPv4: netip.MustParseAddr("10.77.0.42"), IPv6: netip.MustParseAddr("fd77::42"),
		LinkLocal: []netip.Addr{netip.MustParseAddr("169.254.7.7")}, MAC: "02:42:0a:4d:00:2a", Interface: "back",
		Sysctls: map[string]string{"net.ipv4.conf.IFNAME.log_martians": "1"},
	})
	attrs, addrs, routes := b.inside(e, "back")
	if attrs.HardwareAddr.String() != "02:42:0a:4d:00:2a" {
		t.Errorf("hardware address %s", attrs.HardwareAddr)
	}
	for _, want := range []string{"10.77.0.42/24", "169.254.7.7/16", "fd77::42/64"} {
		if !strings.Contains(strings.Join(addrs, " "), want) {
			t.Errorf("addresses %v, want %s", addrs, want)
		}
	}
	if got := strings.Join(routes, " "); got != "10.77.0.1 fd77::1" && got != "fd77::1 10.77.0.1" {
		t.Errorf("default routes by %v", routes)
	}
	must(t, netns.Do(e.Netns, func() error {
		if !isSysctl("net/ipv4/conf/back/log_martians", "1") {
			t.Error("the interface's sysctl is not set")
		}
		return nil
	}))
}

func TestTheDefaultRouteLeadsThroughTheNetworkOfTheHighestPriority(t *testing.T) {
	b := newBed(t)
	b.make(project.Network{Name: "a", Internal: true}, project.Network{Name: "b"}, project.Network{Name: "c"})
	first := b.place("first", project.Endpoint{Network: "a"}, project.Endpoint{Network: "b"}, project.Endpoint{Network: "c"})
	chosen := b.place("chosen", project.Endpoint{Network: "b"}, project.Endpoint{Network: "c", GatewayPriority: 1})
	for _, c := range []struct {
		e     endpoint.Endpoint
		place int
	}{{first, 1}, {chosen, 1}} {
		i := c.e.Interfaces[c.place]
		if _, _, routes := b.inside(c.e, i.Name); len(routes) != 1 || routes[0] != i.Gateway.String() {
			t.Errorf("%s: default routes by %v, want one by %s", c.e.ID, routes, i.Gateway)
		}
		if addr, _ := c.e.Address(); addr != i.Address.Addr() {
			t.Errorf("%s: ports lead to %s, want %s", c.e.ID, addr, i.Address)
		}
	}
}

func TestBothFamiliesWorkWithinANetworkAndToTheOutside(t *testing.T) {
	eachBridgeFilter(t, bothFamiliesWork)
}

func bothFamiliesWork(b *bed) {
	b.lan6()
	b.make(project.Network{Name: "shop_default", IPv6: true}, project.Network{Name: "blog_default", IPv6: true})
	web, db, stranger := b.attach("web", "shop_default"), b.attach("db", "shop_default"), b.attach("blog", "blog_default")
	addr, ok := db.Address6()
	if !ok || !addr.IsPrivate() {
		b.t.Fatalf("db has the address %s", addr)
	}
	own, _ := web.Address6()
	b.serve(db.Netns, "tcp6", "[::]:5432")
	b.reaches(web.Netns, "tcp6", atPort(addr, 5432), own.String())
	b.reaches("", "tcp6", atPort(addr, 5432))
	b.doesNotReach(stranger.Netns, "tcp6", atPort(addr, 5432))
	b.serve(b.lan, "tcp6", "[::]:7000")
	b.reaches(web.Netns, "tcp6", "["+lanIP6+"]:7000", hostIP6)
	must(b.t, netns.Do(b.lan, func() error {
		h := b.handle()
		defer h.Close()
		return h.RouteAdd(&netlink.Route{Dst: ipNet(db.Interfaces[0].Address6.Masked()), Gw: netip.MustParseAddr(hostIP6).AsSlice()})
	}))
	b.doesNotReach(b.lan, "tcp6", atPort(addr, 5432))
	b.publish(db, "8080:5432/tcp", "8080:5432/udp")
	b.serve(db.Netns, "udp6", "[::]:5432")
	for _, proto := range []string{"tcp6", "udp6"} {
		b.reaches(b.lan, proto, "["+hostIP6+"]:8080", lanIP6) // the client's address is kept
		b.reaches(stranger.Netns, proto, "["+hostIP6+"]:8080")
		b.reaches(web.Netns, proto, "["+hostIP6+"]:8080")
		b.reaches(db.Netns, proto, "["+hostIP6+"]:8080")
		b.reaches("", proto, "["+hostIP6+"]:8080")
	}
}

func TestANetworkOfIPv6AloneHasNoIPv4(t *testing.T) {
	b := newBed(t)
	b.make(project.Network{Name: "six", IPv6: true, NoIPv4: true})
	web, db := b.attach("web", "six"), b.attach("db", "six")
	if web.Interfaces[0].Address.IsValid() {
		t.Errorf("it has %s", web.Interfaces[0].Address)
	}
	addr, _ := db.Address()
	b.serve(db.Netns, "tcp6", "[::]:80")
	b.reaches(web.Netns, "tcp6", atPort(addr, 80))
}

func TestAnInternalNetworkReachesItselfAndNothingElse(t *testing.T) {
	eachBridgeFilter(t, anInternalNetwork)
}

func anInternalNetwork(b *bed) {
	b.make(project.Network{Name: "back", Internal: true}, project.Network{Name: "front"})
	db, app := b.attach("db", "back"), b.attach("app", "back", "front")
	addr := db.Interfaces[0].Address.Addr()
	b.serve(db.Netns, "tcp4", ":5432")
	b.serve(b.lan, "tcp4", ":7000")
	b.reaches(app.Netns, "tcp4", at(addr, 5432))
	b.reaches(app.Netns, "tcp4", lanIP+":7000")
	b.doesNotReach(db.Netns, "tcp4", lanIP+":7000")
	// Nor with a route that somebody in it adds.
	r, _, err := b.n.Get(b.t.Context(), "back")
	must(b.t, err)
	must(b.t, netns.Do(db.Netns, func() error {
		h := b.handle()
		defer h.Close()
		return h.RouteAdd(&netlink.Route{Gw: r.Pools[0].Gateway.AsSlice()})
	}))
	b.doesNotReach(db.Netns, "tcp4", lanIP+":7000")
	front := app.Interfaces[1].Address.Addr()
	b.serve(app.Netns, "tcp4", ":8000")
	b.doesNotReach(db.Netns, "tcp4", at(front, 8000))
}

func TestContainersOfANetworkWithoutICCReachEachOtherByPublishedPortsOnly(t *testing.T) {
	eachBridgeFilter(t, withoutICC)
}

func withoutICC(b *bed) {
	b.make(project.Network{Name: "apart", Options: map[string]string{optICC: "false"}})
	web, db := b.attach("web", "apart"), b.attach("db", "apart")
	addr, _ := db.Address()
	b.serve(db.Netns, "tcp4", ":5432")
	b.serve(b.lan, "tcp4", ":7000")
	b.doesNotReach(web.Netns, "tcp4", at(addr, 5432))
	b.publish(db, "8080:5432/tcp")
	b.reaches(web.Netns, "tcp4", hostIP+":8080")
	b.reaches(web.Netns, "tcp4", lanIP+":7000")
}

func TestOptionsOfABridgeAreHonoured(t *testing.T) {
	b := newBed(t)
	b.make(project.Network{Name: "own", Options: map[string]string{
		optBridgeName: "shopbridge", optMTU: "1234", optMasquerade: "false", optIfacePrefix: "net",
	}})
	web := b.attach("web", "own")
	h := b.handle()
	defer h.Close()
	bridge, err := h.LinkByName("shopbridge")
	must(t, err)
	if bridge.Attrs().MTU != 1234 {
		t.Errorf("MTU %d", bridge.Attrs().MTU)
	}
	if attrs, _, _ := b.inside(web, "net0"); attrs.MTU != 1234 {
		t.Errorf("MTU %d in the container", attrs.MTU)
	}
	// Without masquerading it is seen under its own address, by who has a route.
	must(t, netns.Do(b.lan, func() error {
		in := b.handle()
		defer in.Close()
		return in.RouteAdd(&netlink.Route{Dst: ipNet(web.Interfaces[0].Address.Masked()), Gw: netip.MustParseAddr(hostIP).AsSlice()})
	}))
	addr, _ := web.Address()
	b.serve(b.lan, "tcp4", ":7000")
	b.reaches(web.Netns, "tcp4", lanIP+":7000", addr.String())
	must(t, b.n.CreateNetwork(t.Context(), project.Network{Name: "own", Options: map[string]string{optBridgeName: "shopbridge"}}))
	err = b.n.CreateNetwork(t.Context(), project.Network{Name: "other", Options: map[string]string{optBridgeName: "uplink"}})
	if err == nil || !strings.Contains(err.Error(), "uplink") {
		t.Errorf("a bridge under the name of another link: %v", err)
	}
}

func TestTheAddressUnderWhichANetworkIsSeenOutsideCanBeChosen(t *testing.T) {
	b := newBed(t)
	const second = "10.99.0.9"
	h := b.handle()
	defer h.Close()
	uplink, err := h.LinkByName("uplink")
	must(t, err)
	must(t, h.AddrAdd(uplink, &netlink.Addr{IPNet: ipNet(netip.MustParsePrefix(second + "/24"))}))
	b.make(project.Network{Name: "shop_default", Options: map[string]string{optHostIPv4: second}})
	b.serve(b.lan, "tcp4", ":7000")
	b.reaches(b.attach("web", "shop_default").Netns, "tcp4", lanIP+":7000", second)
}

func TestAFixedAddressThatSomebodyHasIsRefusedByName(t *testing.T) {
	b := newBed(t)
	b.make(project.Network{Name: "back", Subnets: []project.Subnet{subnet("10.77.0.0/24")}})
	five := netip.MustParseAddr("10.77.0.5")
	b.place("db", project.Endpoint{Network: "back", IPv4: five})
	req := AttachRequest{ID: "web", Name: "web", Endpoints: []NetworkEndpoint{{Endpoint: project.Endpoint{Network: "back", IPv4: five}}}}
	if _, err := b.n.Attach(t.Context(), req); err == nil || !strings.Contains(err.Error(), "container db") {
		t.Errorf("Attach: %v, want that container db has it", err)
	}
	must(t, b.n.Detach(t.Context(), "db"))
	_, err := b.n.Attach(t.Context(), req)
	must(t, err)
}

func TestASourceAddressThatIsNotOfTheNetworkGoesNowhere(t *testing.T) {
	eachBridgeFilter(t, aSpoofedSource)
}

func aSpoofedSource(b *bed) {
	b.make(project.Network{Name: "shop_default"}, project.Network{Name: "blog_default"})
	web, blog := b.attach("web", "shop_default"), b.attach("blog", "blog_default")
	inbox := b.inbox(b.lan, ":7000")
	victim, _ := blog.Address()
	must(b.t, netns.Do(web.Netns, func() error {
		h := b.handle()
		defer h.Close()
		link, err := h.LinkByName("eth0")
		must(b.t, err)
		return h.AddrAdd(link, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(victim, 32))})
	}))
	b.sendFrom(web.Netns, victim.String()+":0", lanIP+":7000", "spoofed")
	b.send(web.Netns, lanIP+":7000", "honest")
	if got := <-inbox; got != "honest" {
		b.t.Errorf("what arrives is %s", got)
	}
}

func TestABridgeThatTheUserNamesIsNoLinkOfOthers(t *testing.T) {
	b := newBed(t)
	b.lan6()
	for _, s := range []string{sysctlForward, sysctlForward6} {
		must(t, setSysctl(s, "0"))
	}
	named := project.Network{Name: "shop_a", Options: map[string]string{optBridgeName: "shop0"}}
	b.make(named, project.Network{Name: "shop_b", IPv6: true})
	f, err := b.n.forwarding()
	must(t, err)
	if !slices.Equal(f.Links, []string{"uplink"}) || !slices.Equal(f.Links6, f.Links) {
		t.Errorf("closed to each other are %v, of IPv6 %v, want uplink", f.Links, f.Links6)
	}
}
