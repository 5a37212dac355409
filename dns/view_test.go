package dns_test

import (
	"testing"

	miekg "github.com/miekg/dns"

	"github.com/gocompose/gocompose/dns"
)

// both is a host with an address of each family in one network.
func both(h dns.Host, network, v4, v6 string, names ...string) dns.Host {
	h.Places = append(h.Places,
		dns.Place{Network: network, Address: addr(v4), Subnet: prefix(v4, 24), Names: names},
		dns.Place{Network: network, Address: addr(v6), Subnet: prefix(v6, 64), Names: names})
	return h
}

// blog is a project of which the web service has two replicas, linked to a
// database by another name, and to a container of another project; its cache
// does not run. They are on a network of both families.
func blog() *dns.Table {
	t := dns.NewTable()
	web := dns.Host{
		Project: "blog", Service: "web", Services: []string{"web", "db", "cache", "example.com"},
		Links: []dns.Link{
			{Alias: "Store", Service: "db"}, {Alias: "legacy", Name: "old-app-1"},
			{Alias: "fast", Service: "cache"}, {Alias: "far", Name: "far-1"},
		},
	}
	web.ID, web.Name = "web1", "blog-web-1"
	t.Put(both(web, "blog_default", "10.0.5.11", "fd00:5::11", "blog-web-1", "web"))
	web.ID, web.Name = "web2", "blog-web-2"
	t.Put(both(web, "blog_default", "10.0.5.12", "fd00:5::12", "blog-web-2", "web"))
	db := dns.Host{ID: "db1", Name: "blog-db-1", Project: "blog", Service: "db", Services: web.Services}
	t.Put(both(db, "blog_default", "10.0.5.2", "fd00:5::2", "blog-db-1", "db"))
	t.Put(both(dns.Host{ID: "old", Name: "old-app-1", Project: "old", Service: "db"}, "blog_default", "10.0.5.9", "fd00:5::9", "old-app-1"))
	t.Put(both(dns.Host{ID: "far", Name: "far-1"}, "far_default", "10.0.6.2", "fd00:6::2", "far-1"))
	return t
}

type asked struct {
	name  string
	qtype uint16
	want  string
}

func check(t *testing.T, at string, questions []asked) {
	t.Helper()
	for _, network := range []string{"udp", "tcp"} {
		for _, c := range questions {
			if got := text(ask(t, network, at, c.name, c.qtype)); got != c.want {
				t.Errorf("%s %s %s: %q, want %q", network, c.name, miekg.TypeToString[c.qtype], got, c.want)
			}
		}
	}
}

func TestNamesHaveTheAddressesOfBothFamilies(t *testing.T) {
	check(t, serve(t, blog(), "web1", noUpstream(t)), []asked{
		{"db.", miekg.TypeA, "NOERROR 10.0.5.2"},
		{"db.", miekg.TypeAAAA, "NOERROR fd00:5::2"},
		{"db.", miekg.TypeANY, "NOERROR 10.0.5.2 fd00:5::2"},
		{"db.blog_default.", miekg.TypeAAAA, "NOERROR fd00:5::2"},
		{arpa(t, "10.0.5.2"), miekg.TypePTR, "NOERROR blog-db-1.blog_default."},
		{arpa(t, "fd00:5::2"), miekg.TypePTR, "NOERROR blog-db-1.blog_default."},
		{arpa(t, "fd00:5::2"), miekg.TypeSOA, "NOERROR"},
	})
}

func TestLinksAreNamesOfTheOneThatLinks(t *testing.T) {
	check(t, serve(t, blog(), "web1", noUpstream(t)), []asked{
		{"store.", miekg.TypeA, "NOERROR 10.0.5.2"},
		{"STORE.blog_default.", miekg.TypeAAAA, "NOERROR fd00:5::2"},
		{"store.", miekg.TypeMX, "NOERROR"},
		{"legacy.", miekg.TypeA, "NOERROR 10.0.5.9"},
		{"fast.", miekg.TypeA, "NXDOMAIN"},   // does not run
		{"far.", miekg.TypeAAAA, "NXDOMAIN"}, // runs in a network that is not ours
	})
	up := upstream(t, func(_ string, req *miekg.Msg) *miekg.Msg { return new(miekg.Msg).SetRcode(req, miekg.RcodeRefused) })
	check(t, serve(t, blog(), "db1", up), []asked{
		{"store.", miekg.TypeA, "REFUSED"},
		{"legacy.", miekg.TypeA, "REFUSED"},
	})
}

func TestALinkHidesWhatOthersAreCalled(t *testing.T) {
	tab := blog()
	me := dns.Host{ID: "me", Project: "blog", Links: []dns.Link{{Alias: "db", Service: "web"}, {Alias: "web", Service: "cache"}}}
	tab.Put(both(me, "blog_default", "10.0.5.3", "fd00:5::3"))
	at := serve(t, tab, "me", noUpstream(t))
	if got := ask(t, "udp", at, "db.", miekg.TypeA); len(got.Answer) != 2 {
		t.Errorf("both replicas of web: %v", text(got))
	}
	check(t, at, []asked{{"web.", miekg.TypeA, "NXDOMAIN"}})
}

func TestOnANetworkWithoutNamesOnlyLinksAreKnown(t *testing.T) {
	tab := dns.NewTable()
	place := func(a string) []dns.Place {
		return []dns.Place{{Network: "bridge", Address: addr(a), Subnet: prefix(a, 24)}}
	}
	tab.Put(dns.Host{ID: "db", Name: "p-db-1", Project: "p", Service: "db", Places: place("10.0.7.2")})
	tab.Put(dns.Host{ID: "web", Name: "p-web-1", Project: "p", Service: "web", Places: place("10.0.7.3"), Links: []dns.Link{{Alias: "db", Service: "db"}}})
	check(t, serve(t, tab, "web", noUpstream(t)), []asked{
		{"db.", miekg.TypeA, "NOERROR 10.0.7.2"},
		{arpa(t, "10.0.7.2"), miekg.TypePTR, "NXDOMAIN"},
	})
	up := upstream(t, func(_ string, req *miekg.Msg) *miekg.Msg { return new(miekg.Msg).SetRcode(req, miekg.RcodeRefused) })
	check(t, serve(t, tab, "db", up), []asked{{"web.", miekg.TypeA, "REFUSED"}, {"p-web-1.", miekg.TypeA, "REFUSED"}})
}

func TestAServiceThatDoesNotRunDoesNotExist(t *testing.T) {
	at := serve(t, blog(), "web1", noUpstream(t))
	for _, name := range []string{"cache.", "Cache.", "cache.blog_default.", "example.com.", "example.com.blog_default."} {
		for _, qtype := range []uint16{miekg.TypeA, miekg.TypeAAAA, miekg.TypeMX, miekg.TypeANY, miekg.TypeHTTPS} {
			resp := ask(t, "udp", at, name, qtype)
			if resp.Rcode != miekg.RcodeNameError || !resp.Authoritative {
				t.Errorf("%s %s: %v", name, miekg.TypeToString[qtype], resp)
			}
		}
	}
	for name, want := range map[string]string{"cache.": "NXDOMAIN", "db.": "NOERROR"} {
		chaos := new(miekg.Msg).SetQuestion(name, miekg.TypeA)
		chaos.Question[0].Qclass = miekg.ClassCHAOS
		if got := text(send(t, "udp", at, chaos)); got != want {
			t.Errorf("%s of another class: %q, want %q", name, got, want)
		}
	}
	withOPT := new(miekg.Msg).SetQuestion("cache.", miekg.TypeA).SetEdns0(1232, true)
	if opt := send(t, "udp", at, withOPT).IsEdns0(); opt == nil || !opt.Do() {
		t.Errorf("to a client with EDNS: %v", opt)
	}
	// The names of other networks are none of ours, and names below are not them.
	up := upstream(t, func(_ string, req *miekg.Msg) *miekg.Msg { return new(miekg.Msg).SetRcode(req, miekg.RcodeRefused) })
	check(t, serve(t, blog(), "web1", up), []asked{
		{"cache.far_default.", miekg.TypeA, "REFUSED"},
		{"www.example.com.", miekg.TypeA, "REFUSED"},
		{"com.", miekg.TypeA, "REFUSED"},
	})
}

func TestAServiceIsKnownAsSoonAsItRunsAndNoLonger(t *testing.T) {
	tab := blog()
	at := serve(t, tab, "web1", noUpstream(t))
	tab.Put(both(dns.Host{ID: "cache", Name: "blog-cache-1", Project: "blog", Service: "cache"}, "blog_default", "10.0.5.4", "fd00:5::4", "cache"))
	check(t, at, []asked{{"cache.", miekg.TypeA, "NOERROR 10.0.5.4"}, {"fast.", miekg.TypeA, "NOERROR 10.0.5.4"}})
	tab.Remove("cache")
	check(t, at, []asked{{"cache.", miekg.TypeA, "NXDOMAIN"}, {"fast.", miekg.TypeA, "NXDOMAIN"}})
}

func TestAddressesOfOwnNetworksAreNotAskedForOutside(t *testing.T) {
	check(t, serve(t, blog(), "web1", noUpstream(t)), []asked{
		{arpa(t, "10.0.5.77"), miekg.TypePTR, "NXDOMAIN"},
		{arpa(t, "fd00:5::77"), miekg.TypePTR, "NXDOMAIN"},
		{arpa(t, "10.0.5.77"), miekg.TypeANY, "NXDOMAIN"},
	})
	up := upstream(t, func(_ string, req *miekg.Msg) *miekg.Msg { return new(miekg.Msg).SetRcode(req, miekg.RcodeRefused) })
	check(t, serve(t, blog(), "web1", up), []asked{
		{arpa(t, "10.0.6.2"), miekg.TypePTR, "REFUSED"},
		{arpa(t, "192.0.2.1"), miekg.TypePTR, "REFUSED"},
	})
}

func TestWithoutNameServersOtherNamesDoNotExist(t *testing.T) {
	packets, streams := sockets(t)
	s := dns.Start(t.Context(), dns.Config{Viewer: "web1", Table: blog(), Packets: packets, Streams: streams})
	defer s.Close()
	check(t, streams.Addr().String(), []asked{
		{"db.", miekg.TypeA, "NOERROR 10.0.5.2"},
		{"example.org.", miekg.TypeA, "NXDOMAIN"},
		{"example.org.", miekg.TypeAAAA, "NXDOMAIN"},
		{arpa(t, "192.0.2.1"), miekg.TypePTR, "NXDOMAIN"},
	})
}
