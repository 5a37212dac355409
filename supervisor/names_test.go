package supervisor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/dns"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

// of returns an endpoint of a service of the project shop.
func of(e endpoint.Endpoint, service string) endpoint.Endpoint {
	e.Project, e.Service = "shop", service
	e.Names.Services = []string{"cache", "db", "web"}
	return e
}

func TestAContainerOfBothFamiliesIsKnownByBothAddresses(t *testing.T) {
	r := run(t, layout(t), newFake("web", "db"))
	r.hold(of(plain("web", "127.61.20.1"), "web"))
	db := of(plain("db", "127.61.20.2"), "db")
	db.Interfaces[0].Address6 = netip.MustParsePrefix("fd00:61::2/64")
	r.hold(db)
	if got := resolve(t, "127.61.20.1", "db"); got != "127.61.20.2 fd00:61::2" {
		t.Errorf("web finds db at %s", got)
	}
	six := of(plain("six", "127.61.20.3"), "six")
	six.Interfaces[0].Address, six.Interfaces[0].Address6 = netip.Prefix{}, netip.MustParsePrefix("fd00:61::3/64")
	r.hold(six)
	if got := resolve(t, "127.61.20.1", "six"); got != "fd00:61::3" {
		t.Errorf("web finds what has no IPv4 at %s", got)
	}
}

func TestLinksAndServicesThatDoNotRun(t *testing.T) {
	r := run(t, layout(t), newFake("web", "db", "other"))
	web := of(plain("web", "127.61.21.1"), "web")
	web.Names.Links = []project.Link{
		{Alias: "store", Service: "db"}, {Alias: "legacy", Container: "shop-other"}, {Alias: "fast", Service: "cache"},
	}
	web.Interfaces[0].Gateway = netip.MustParseAddr("127.61.21.254") // other names are passed on
	r.hold(web)
	r.hold(of(plain("db", "127.61.21.2"), "db"))
	r.hold(plain("other", "127.61.21.3"))
	for name, want := range map[string]string{
		"store": "127.61.21.2", "legacy": "127.61.21.3",
		"fast": "no such host", "cache": "no such host", "cache.shop_default": "no such host",
		"example": "server misbehaving", // nobody is there to be asked
	} {
		if got := resolve(t, "127.61.21.1", name); !strings.HasSuffix(got, want) {
			t.Errorf("web finds %s at %q, want %q", name, got, want)
		}
	}
	if got := resolve(t, "127.61.21.2", "store"); !strings.HasSuffix(got, "no such host") {
		t.Errorf("db knows web's links: %q", got)
	}
}

func TestOnlyNetworksOfTheirOwnHaveAllAddresses(t *testing.T) {
	e := plain("web", "10.0.0.2")
	if got := hostOf(e).Places[0].Subnet; got.IsValid() {
		t.Errorf("on the network of the host's device nobody has %s", got)
	}
	e.Interfaces[0].HostName = "veth0"
	if got := hostOf(e).Places[0].Subnet.String(); got != "10.0.0.0/8" {
		t.Errorf("on a bridge nobody has %s", got)
	}
}

func TestWhoIsAskedForOtherNames(t *testing.T) {
	n := names{forwarder: dns.NewForwarder(func() ([]netip.AddrPort, error) { return nil, nil })}
	const nobody, host, own = "nobody", "the host's", "its own"
	for _, c := range []struct {
		name    string
		gateway string
		servers []string
		want    string
	}{
		{"on a network with a way out", "10.0.0.1", nil, host},
		{"by IPv6 only", "fd00::1", nil, host},
		{"on internal networks", "", nil, nobody},
		{"with servers", "10.0.0.1", []string{"192.0.2.1", "127.0.0.1"}, own},
		{"with us for a server", "10.0.0.1", []string{"127.0.0.11"}, host},
		{"with us among the servers", "10.0.0.1", []string{"127.0.0.11", "192.0.2.1"}, own},
		{"internal, with a server outside", "", []string{"192.0.2.1"}, nobody},
		{"internal, with a server in its network", "", []string{"192.0.2.1", "10.9.9.9"}, own},
		{"internal, with a server of its own", "", []string{"::1"}, own},
	} {
		e := plain("web", "10.0.0.2")
		if c.gateway != "" {
			a := netip.MustParseAddr(c.gateway)
			if a.Is4() {
				e.Interfaces[0].Gateway = a
			} else {
				e.Interfaces[0].Gateway6 = a
			}
		}
		for _, s := range c.servers {
			e.Names.Servers = append(e.Names.Servers, netip.MustParseAddr(s))
		}
		got := own
		switch n.forwarderFor(e) {
		case nil:
			got = nobody
		case n.forwarder:
			got = host
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestInTheNamespaceOfAnotherThereIsNoNameServer(t *testing.T) {
	n := names{
		table:     dns.NewTable(),
		forwarder: dns.NewForwarder(func() ([]netip.AddrPort, error) { return nil, nil }),
		listen: func(_ context.Context, path string) (net.PacketConn, net.Listener, error) {
			return nil, nil, errors.New("asked to listen in " + path)
		},
	}
	for name, e := range map[string]endpoint.Endpoint{
		"of another container": {ID: "a", Name: "a", Netns: "/run/a", Of: "web"},
		"of the host":          {ID: "b", Name: "b"},
	} {
		h := newHolding(n, e)
		if err := h.open(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		h.Close()
	}
}
