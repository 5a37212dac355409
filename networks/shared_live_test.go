//go:build live

package networks

import (
	"context"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
	"github.com/gocompose/gocompose/project"
)

func (b *bed) share(id, of string) endpoint.Endpoint {
	b.t.Helper()
	e, err := b.n.Attach(b.t.Context(), AttachRequest{ID: id, Name: id, Of: of})
	must(b.t, err)
	return e
}

func TestAContainerThatSharesANamespaceHasItsLoopbackAndItsNetworks(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	side, second := b.share("side", "web"), b.share("second", "side")
	if side.Of != "web" || second.Of != "web" {
		t.Errorf("the namespaces are of %q and %q, want web", side.Of, second.Of)
	}
	b.serve(web.Netns, "tcp4", "127.0.0.1:80")
	b.serve(b.lan, "tcp4", ":7000")
	for _, e := range []endpoint.Endpoint{side, second} {
		b.reaches(e.Netns, "tcp4", "127.0.0.1:80")
		b.reaches(e.Netns, "tcp4", lanIP+":7000", hostIP)
	}
	must(t, b.n.Detach(t.Context(), "side"))
	b.reaches(web.Netns, "tcp4", "127.0.0.1:80")
	must(t, b.n.Detach(t.Context(), "second"))
}

// The one whose namespace it is ends and is started again; the other runs on.
func TestASharedNamespaceGetsItsNetworksAgainWhenItsOwnerIsStartedAgain(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	before := b.attach("web", "shop_default")
	side := b.share("side", "web")
	b.serve(side.Netns, "tcp4", ":81")
	must(t, b.n.Detach(t.Context(), "web"))
	if links := b.links(); len(links) != 1 {
		t.Errorf("links are left: %v", links)
	}
	web := b.attach("web", "shop_default")
	addr, _ := web.Address()
	if was, _ := before.Address(); addr != was {
		t.Errorf("the address was %s and is %s", was, addr)
	}
	b.reaches("", "tcp4", at(addr, 81))
	b.serve(web.Netns, "tcp4", "127.0.0.1:80")
	b.reaches(side.Netns, "tcp4", "127.0.0.1:80")
	must(t, b.n.Detach(t.Context(), "side"))
	b.reaches("", "tcp4", at(addr, 81))
}

func TestANamespaceOfAContainerThatDoesNotRunIsNotShared(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	_, err := b.n.Attach(t.Context(), AttachRequest{ID: "side", Name: "side", Of: "web"})
	if err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("Attach: %v", err)
	}
}

func TestTheHostsNamespaceIsShared(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	side := b.share("side", HostNamespace)
	b.serve("", "tcp4", "127.0.0.1:7009")
	b.reaches(side.Netns, "tcp4", "127.0.0.1:7009")
}

func macvlan(name string, options map[string]string) project.Network {
	return project.Network{
		Name: name, Driver: project.DriverMacvlan, Options: options,
		Subnets: []project.Subnet{{Subnet: subnet("10.99.0.0/24").Subnet, Range: subnet("10.99.0.64/26").Subnet}},
	}
}

// The LAN's end of the uplink stands for a network card.
func TestAContainerOfAMacvlanIsAMemberOfTheLAN(t *testing.T) {
	b := newBed(t)
	b.make(macvlan("lan", map[string]string{"parent": "uplink"}), project.Network{Name: "shop_default"})
	web, other := b.attach("web", "lan"), b.attach("other", "lan", "shop_default")
	addr := web.Interfaces[0].Address.Addr()
	if !subnet("10.99.0.64/26").Subnet.Contains(addr) {
		t.Errorf("its address is %s", addr)
	}
	b.serve(web.Netns, "tcp4", ":80")
	b.serve(b.lan, "tcp4", ":7000")
	b.reaches(b.lan, "tcp4", at(addr, 80), lanIP)
	b.reaches(web.Netns, "tcp4", lanIP+":7000", addr.String())
	b.reaches(other.Netns, "tcp4", at(addr, 80))
	// Published ports lead to where the host reaches it.
	if a, _ := other.Address(); a != other.Interfaces[1].Address.Addr() {
		t.Errorf("ports lead to %s", a)
	}
	must(t, b.n.Detach(t.Context(), "web"))
	b.doesNotReach(b.lan, "tcp4", at(addr, 80))
}

func TestAMacvlanWithoutAParentReachesItselfAlone(t *testing.T) {
	b := newBed(t)
	b.make(macvlan("apart", nil))
	web, db := b.attach("web", "apart"), b.attach("db", "apart")
	b.serve(db.Netns, "tcp4", ":5432")
	b.serve(b.lan, "tcp4", ":7000")
	b.reaches(web.Netns, "tcp4", at(db.Interfaces[0].Address.Addr(), 5432))
	b.doesNotReach(web.Netns, "tcp4", lanIP+":7000")
}

func TestAParentThatIsNotThereIsNamed(t *testing.T) {
	b := newBed(t)
	err := b.n.CreateNetwork(t.Context(), macvlan("lan", map[string]string{"parent": "eth9"}))
	if err == nil || !strings.Contains(err.Error(), "eth9") {
		t.Errorf("CreateNetwork: %v", err)
	}
}

func TestADriverThatTheKernelDoesNotHaveIsNamed(t *testing.T) {
	b := newBed(t)
	n := macvlan("lan", map[string]string{"parent": "uplink"})
	n.Driver = project.DriverIpvlan
	err := b.n.CreateNetwork(t.Context(), n)
	t.Cleanup(func() { must(t, b.n.RemoveNetwork(context.Background(), n)) })
	if err == nil {
		web := b.attach("web", "lan")
		b.serve(b.lan, "tcp4", ":7000")
		b.reaches(web.Netns, "tcp4", lanIP+":7000")
		must(t, b.n.Detach(t.Context(), "web"))
	} else if !strings.Contains(err.Error(), "CONFIG_IPVLAN") {
		t.Errorf("CreateNetwork: %v", err)
	}
}

func TestNothingIsForwardedBetweenLinksOfAHostThatWasNoRouter(t *testing.T) {
	b := newBed(t)
	must(t, setSysctl(sysctlForward, "0"))
	second := b.secondLAN()
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	b.serve(second, "tcp4", ":7000")
	b.reaches(web.Netns, "tcp4", secondIP+":7000")
	must(t, netns.Do(b.lan, func() error {
		h := b.handle()
		defer h.Close()
		return h.RouteAdd(&netlink.Route{Dst: ipNet(subnet("10.98.0.0/24").Subnet), Gw: ip(hostIP)})
	}))
	inbox := b.inbox(second, ":7001")
	b.send(b.lan, secondIP+":7001", "through")
	b.send("", secondIP+":7001", "from the host")
	if got := <-inbox; got != "from the host" {
		t.Errorf("what arrives first is what was sent %s", got)
	}
	must(t, b.n.Detach(t.Context(), "web"))
	must(t, b.n.RemoveNetwork(t.Context(), project.Network{Name: "shop_default"}))
	if !isSysctl(sysctlForward, "0") {
		t.Error("without any network the host still forwards")
	}
}

// A network card that is gone after a reboot is no reason for others to stay away.
func TestANetworkThatCannotBeRestoredKeepsNoOtherFromIt(t *testing.T) {
	b := newBed(t)
	_, card := b.neighbour("card", "10.95.0.2", "10.95.0.1")
	b.make(macvlan("a_lan", map[string]string{"parent": "card"}), project.Network{Name: "shop_default"})
	web := b.attach("web", "shop_default")
	b.serve(web.Netns, "tcp4", ":80")
	b.publish(web, "8080:80/tcp")
	must(t, removeLink(card.Attrs().Name))
	must(t, removeLink(b.n.bridgeName("shop_default")))
	must(t, b.n.rules.Remove())
	if err := b.n.Restore(t.Context()); err == nil || !strings.Contains(err.Error(), "card") {
		t.Errorf("Restore: %v", err)
	}
	b.reaches(b.lan, "tcp4", hostIP+":8080")
}

func TestForwardingStaysForAnotherLayoutAndForLinksThatHaveCome(t *testing.T) {
	b := newBed(t)
	must(t, setSysctl(sysctlForward, "0"))
	o := b.another()
	must(t, b.n.CreateNetwork(t.Context(), project.Network{Name: "shop_default"}))
	o.network("blog_default")
	blog := o.attach("blog", "blog_default")
	o.serve(b.lan, "tcp4", ":7000")
	remove := func() {
		must(t, b.n.RemoveNetwork(t.Context(), project.Network{Name: "shop_default"}))
	}
	closed := func() []string {
		r, err := b.n.wantedRules()
		must(t, err)
		return r.Closed
	}
	remove()
	o.reaches(blog.Netns, "tcp4", lanIP+":7000")
	if got := closed(); len(got) != 1 {
		t.Errorf("while another layout has the host forward, %v are closed to each other", got)
	}

	must(t, o.n.Detach(t.Context(), "blog"))
	must(t, o.n.RemoveNetwork(t.Context(), project.Network{Name: "blog_default"}))
	b.secondLAN()
	must(t, b.n.CreateNetwork(t.Context(), project.Network{Name: "shop_default"}))
	remove()
	if !isSysctl(sysctlForward, "1") || len(closed()) != 1 {
		t.Errorf("with a link that has come, the host does not forward, or %v are closed to each other", closed())
	}

	must(t, removeLink("second"))
	must(t, b.n.Restore(t.Context()))
	if !isSysctl(sysctlForward, "0") {
		t.Error("without any network the host still forwards")
	}
	b.checkNothingLeft()
}
