package dns_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/dns"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func prefix(s string, bits int) netip.Prefix { return netip.PrefixFrom(addr(s), bits).Masked() }

// shop is a database in the back network, two replicas of an application in
// both, a proxy in the front one, and a stranger.
func shop() *dns.Table {
	t := dns.NewTable()
	t.Put(dns.Host{ID: "db", Places: []dns.Place{
		{Network: "shop_back", Address: addr("10.0.1.2"), Names: []string{"shop-db-1", "DB", "primary"}}}})
	for i := 1; i <= 2; i++ {
		t.Put(dns.Host{ID: fmt.Sprintf("app%d", i), Places: []dns.Place{
			{Network: "shop_front", Address: addr(fmt.Sprintf("10.0.0.1%d", i)), Names: []string{fmt.Sprintf("shop-app-%d", i), "app"}},
			{Network: "shop_back", Address: addr(fmt.Sprintf("10.0.1.1%d", i)), Names: []string{fmt.Sprintf("shop-app-%d", i), "app"}}}})
	}
	t.Put(dns.Host{ID: "proxy", Places: []dns.Place{
		{Network: "shop_front", Address: addr("10.0.0.2"), Names: []string{"shop-proxy-1", "proxy"}}}})
	t.Put(dns.Host{ID: "other", Places: []dns.Place{
		{Network: "other_default", Address: addr("10.0.9.2"), Names: []string{"other-db-1", "db"}}}})
	return t
}

func TestLookup(t *testing.T) {
	for _, c := range []struct {
		viewer, name string
		family       dns.Family
		want         string
		found        dns.Finding
	}{
		{"app1", "db", dns.IPv4, "10.0.1.2", dns.Known},
		{"app1", "dB.", dns.IPv4, "10.0.1.2", dns.Known},
		{"app1", "shop-db-1", dns.IPv4, "10.0.1.2", dns.Known},
		{"app1", "primary", dns.IPv4, "10.0.1.2", dns.Known},
		{"app1", "db", dns.IPv6, "", dns.Known},
		{"app1", "db.shop_back", dns.IPv4, "10.0.1.2", dns.Known},
		{"app1", "DB.Shop_Back.", dns.IPv4, "10.0.1.2", dns.Known},
		{"app1", "db.shop_front", dns.IPv4, "", dns.Foreign},
		{"app1", "app", dns.IPv4, "10.0.0.11 10.0.0.12", dns.Known}, // of its first network
		{"app1", "app.shop_back", dns.IPv4, "10.0.1.11 10.0.1.12", dns.Known},
		{"db", "app", dns.IPv4, "10.0.1.11 10.0.1.12", dns.Known},
		{"proxy", "db", dns.IPv4, "", dns.Foreign},
		{"proxy", "db.shop_back", dns.IPv4, "", dns.Foreign},
		{"other", "db", dns.IPv4, "10.0.9.2", dns.Known},
		{"other", "app", dns.IPv4, "", dns.Foreign},
		{"nobody", "db", dns.IPv4, "", dns.Foreign},
		{"app1", "", dns.IPv4, "", dns.Foreign},
		{"app1", "shop_back", dns.IPv4, "", dns.Foreign},
	} {
		addrs, found := shop().Lookup(c.viewer, c.name, c.family)
		slices.SortFunc(addrs, netip.Addr.Compare)
		if got := strings.Trim(fmt.Sprint(addrs), "[]"); got != c.want || found != c.found {
			t.Errorf("%s asks for %q (IPv%d): %q (%v), want %q (%v)", c.viewer, c.name, c.family, got, found, c.want, c.found)
		}
	}
}

func TestReverseNamesOnlyWhatTheViewerSees(t *testing.T) {
	tab := shop()
	for _, c := range []struct{ viewer, addr, want string }{
		{"app1", "10.0.1.2", "shop-db-1.shop_back"},
		{"app1", "::ffff:10.0.1.2", "shop-db-1.shop_back"},
		{"proxy", "10.0.1.2", ""},
		{"other", "10.0.1.2", ""},
		{"app1", "192.0.2.1", ""},
	} {
		if got, found := tab.Reverse(c.viewer, addr(c.addr)); got != c.want || (found == dns.Known) != (c.want != "") {
			t.Errorf("%s asks who is %s: %q, want %q", c.viewer, c.addr, got, c.want)
		}
	}
}

func TestAHostOfBothFamiliesHasBoth(t *testing.T) {
	tab := dns.NewTable()
	tab.Put(dns.Host{ID: "a", Places: []dns.Place{
		{Network: "n", Address: addr("10.0.0.2"), Names: []string{"a"}},
		{Network: "n", Address: addr("fd00::2"), Names: []string{"a"}}}})
	for family, want := range map[dns.Family]string{dns.IPv4: "10.0.0.2", dns.IPv6: "fd00::2"} {
		if got, _ := tab.Lookup("a", "a", family); len(got) != 1 || got[0] != addr(want) {
			t.Errorf("IPv%d: %v", family, got)
		}
	}
	tab.Remove("a")
	if _, found := tab.Lookup("a", "a", dns.IPv4); found != dns.Foreign || tab.Len() != 0 {
		t.Error("a removed host is known")
	}
}

// TestTheTableIsWhatWasPutAndNotRemoved compares any history of a table with a
// search through what was put last.
func TestTheTableIsWhatWasPutAndNotRemoved(t *testing.T) {
	id := rapid.SampledFrom([]string{"h0", "h1", "h2", "h3"})
	place := rapid.Custom(func(t *rapid.T) dns.Place {
		return dns.Place{
			Network: rapid.SampledFrom([]string{"n0", "N1", "n2"}).Draw(t, "network"),
			Address: addr(fmt.Sprintf("10.0.0.%d", rapid.IntRange(1, 6).Draw(t, "address"))),
			Names:   rapid.SliceOfN(rapid.SampledFrom([]string{"a", "A", "b", "b.n0", ""}), 0, 3).Draw(t, "names"),
		}
	})
	link := rapid.Custom(func(t *rapid.T) dns.Link {
		l := dns.Link{Alias: rapid.SampledFrom([]string{"a", "L"}).Draw(t, "alias")}
		if to := rapid.SampledFrom([]string{"s0", "s1", "h0", "h1"}).Draw(t, "to"); to[0] == 's' {
			l.Service = to
		} else {
			l.Name = to
		}
		return l
	})
	rapid.Check(t, func(t *rapid.T) {
		tab, hosts := dns.NewTable(), map[string]dns.Host{}
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			h := dns.Host{ID: id.Draw(t, "id")}
			h.Name = h.ID
			h.Project = rapid.SampledFrom([]string{"p", "q"}).Draw(t, "project")
			h.Service = rapid.SampledFrom([]string{"s0", "s1", ""}).Draw(t, "service")
			h.Links = rapid.SliceOfN(link, 0, 2).Draw(t, "links")
			h.Services = rapid.SliceOfN(rapid.SampledFrom([]string{"B", "s.t"}), 0, 2).Draw(t, "services")
			if rapid.Bool().Draw(t, "put") {
				h.Places = rapid.SliceOfN(place, 0, 3).Draw(t, "places")
				tab.Put(h)
				hosts[h.ID] = h
			} else {
				tab.Remove(h.ID)
				delete(hosts, h.ID)
			}
		}
		viewer := id.Draw(t, "viewer")
		name := rapid.SampledFrom([]string{"a", "B", "b.n0", "a.n1", "l", "L.n1", "s.t", "s.T.n2", "zz", ""}).Draw(t, "name")
		got, found := tab.Lookup(viewer, name, dns.IPv4)
		want, absent := search(hosts, viewer, name)
		if (found == dns.Known) != (len(want) > 0) || !sameSet(got, want) || len(want) == 0 && (found == dns.Absent) != absent {
			t.Fatalf("%s asks for %q: %v (%v), want %v (absent: %v)", viewer, name, got, found, want, absent)
		}
		for id := range hosts {
			tab.Remove(id)
		}
		if tab.Len() != 0 {
			t.Fatalf("%d hosts left", tab.Len())
		}
	})
}

// search is what Lookup finds, written down as slowly as possible. absent: there
// is nobody, though there should be.
func search(hosts map[string]dns.Host, viewer, name string) (found []netip.Addr, absent bool) {
	me := hosts[viewer]
	for _, qualified := range []bool{false, true} {
		if !qualified && expected(me, name) {
			absent = true
		}
		for _, mine := range me.Places {
			short := name
			if qualified {
				end := len(name) - len("."+mine.Network)
				if end < 0 || !strings.EqualFold(name[end:], "."+mine.Network) {
					continue
				}
				short = name[:end]
			}
			absent = absent || expected(me, short)
			for _, h := range hosts {
				for _, its := range h.Places {
					if its.Network == mine.Network && goesBy(me, h, its, short) {
						found = append(found, its.Address)
					}
				}
			}
			if len(found) > 0 {
				return found, false
			}
		}
	}
	return nil, absent
}

// expected says whether the name is one of me's services or links.
func expected(me dns.Host, name string) bool {
	return slices.ContainsFunc(me.Services, func(s string) bool { return strings.EqualFold(s, name) }) ||
		slices.ContainsFunc(me.Links, func(l dns.Link) bool { return strings.EqualFold(l.Alias, name) })
}

// goesBy says whether me calls h, of which its is a place, by the name.
func goesBy(me, h dns.Host, its dns.Place, name string) bool {
	linked := false
	for _, l := range me.Links {
		if !strings.EqualFold(l.Alias, name) {
			continue
		}
		linked = true
		if l.Service != "" && l.Service == h.Service && me.Project == h.Project || l.Service == "" && l.Name == h.Name {
			return true
		}
	}
	return !linked && name != "" && slices.ContainsFunc(its.Names, func(n string) bool { return strings.EqualFold(n, name) })
}

// sameSet also says that a holds nothing twice.
func sameSet(a, b []netip.Addr) bool {
	b = slices.Clone(b)
	slices.SortFunc(b, netip.Addr.Compare)
	b = slices.Compact(b)
	a = slices.Clone(a)
	slices.SortFunc(a, netip.Addr.Compare)
	return slices.Equal(a, b)
}
