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
		known        bool
	}{
		{"app1", "db", dns.IPv4, "10.0.1.2", true},
		{"app1", "dB.", dns.IPv4, "10.0.1.2", true},
		{"app1", "shop-db-1", dns.IPv4, "10.0.1.2", true},
		{"app1", "primary", dns.IPv4, "10.0.1.2", true},
		{"app1", "db", dns.IPv6, "", true},
		{"app1", "db.shop_back", dns.IPv4, "10.0.1.2", true},
		{"app1", "DB.Shop_Back.", dns.IPv4, "10.0.1.2", true},
		{"app1", "db.shop_front", dns.IPv4, "", false},
		{"app1", "app", dns.IPv4, "10.0.0.11 10.0.0.12", true}, // of its first network
		{"app1", "app.shop_back", dns.IPv4, "10.0.1.11 10.0.1.12", true},
		{"db", "app", dns.IPv4, "10.0.1.11 10.0.1.12", true},
		{"proxy", "db", dns.IPv4, "", false},
		{"proxy", "db.shop_back", dns.IPv4, "", false},
		{"other", "db", dns.IPv4, "10.0.9.2", true},
		{"other", "app", dns.IPv4, "", false},
		{"nobody", "db", dns.IPv4, "", false},
		{"app1", "", dns.IPv4, "", false},
		{"app1", "shop_back", dns.IPv4, "", false},
	} {
		addrs, known := shop().Lookup(c.viewer, c.name, c.family)
		slices.SortFunc(addrs, netip.Addr.Compare)
		if got := strings.Trim(fmt.Sprint(addrs), "[]"); got != c.want || known != c.known {
			t.Errorf("%s asks for %q (IPv%d): %q %v, want %q %v", c.viewer, c.name, c.family, got, known, c.want, c.known)
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
		if got := tab.Reverse(c.viewer, addr(c.addr)); got != c.want {
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
	if _, known := tab.Lookup("a", "a", dns.IPv4); known || tab.Len() != 0 {
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
	rapid.Check(t, func(t *rapid.T) {
		tab, hosts := dns.NewTable(), map[string]dns.Host{}
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			h := dns.Host{ID: id.Draw(t, "id")}
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
		name := rapid.SampledFrom([]string{"a", "B", "b.n0", "a.n1", "zz", ""}).Draw(t, "name")
		got, known := tab.Lookup(viewer, name, dns.IPv4)
		want := search(hosts, viewer, name)
		if known != (len(want) > 0) || !sameSet(got, want) {
			t.Fatalf("%s asks for %q: %v %v, want %v", viewer, name, got, known, want)
		}
		for id := range hosts {
			tab.Remove(id)
		}
		if tab.Len() != 0 {
			t.Fatalf("%d hosts left", tab.Len())
		}
	})
}

func search(hosts map[string]dns.Host, viewer, name string) []netip.Addr {
	for _, qualified := range []bool{false, true} {
		for _, mine := range hosts[viewer].Places {
			var found []netip.Addr
			for _, h := range hosts {
				for _, its := range h.Places {
					for _, n := range its.Names {
						full := n
						if qualified {
							full += "." + mine.Network
						}
						if n != "" && its.Network == mine.Network && strings.EqualFold(full, name) {
							found = append(found, its.Address)
						}
					}
				}
			}
			if len(found) > 0 {
				return found
			}
		}
	}
	return nil
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
