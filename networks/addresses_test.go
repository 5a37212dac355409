package networks

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/project"
)

func anyPrefix(t *rapid.T) netip.Prefix {
	// Mostly where the pools are.
	a := netip.AddrFrom4([4]byte{
		rapid.SampledFrom([]byte{10, 172, 172, 172, 192}).Draw(t, "first"),
		rapid.SampledFrom([]byte{16, 18, 20, 24, 25, 28, 31, 168}).Draw(t, "second"), rapid.Byte().Draw(t, "third"), 0,
	})
	return netip.PrefixFrom(a, rapid.IntRange(widest, 32).Draw(t, "bits")).Masked()
}

func TestSubnetsNeverOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		taken := rapid.SliceOfN(rapid.Custom(anyPrefix), 0, 20).Draw(t, "taken")
		for range rapid.IntRange(1, 30).Draw(t, "networks") {
			subnet, err := freeSubnet(taken)
			if errors.Is(err, errNoSubnet) {
				return
			}
			if !subnet.IsValid() || subnet != subnet.Masked() || !subnet.Addr().IsPrivate() {
				t.Fatalf("%v is no subnet", subnet)
			}
			for _, p := range taken {
				if p.Overlaps(subnet) {
					t.Fatalf("%v overlaps %v", subnet, p)
				}
			}
			taken = append(taken, subnet)
		}
	})
}

func TestSubnetsRunOutWithAWordOnWhatToDo(t *testing.T) {
	taken := []netip.Prefix{netip.MustParsePrefix("172.16.0.0/12")}
	subnet, err := freeSubnet(taken)
	if err != nil || !netip.MustParsePrefix("192.168.0.0/16").Overlaps(subnet) {
		t.Errorf("behind a VPN that has 172.16.0.0/12: %v (%v)", subnet, err)
	}
	_, err = freeSubnet(append(taken, netip.MustParsePrefix("192.168.0.0/16")))
	if !errors.Is(err, errNoSubnet) || !strings.Contains(err.Error(), "remove networks") {
		t.Errorf("no subnet is left: %v", err)
	}
}

func TestARouteToEverythingTakesNothing(t *testing.T) {
	var nets []*net.IPNet
	for _, s := range []string{"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.1.2.3/8"} {
		ip, n, err := net.ParseCIDR(s)
		if err != nil {
			t.Fatal(err)
		}
		nets = append(nets, &net.IPNet{IP: ip, Mask: n.Mask})
	}
	got := prefixes(append(nets, nil))
	if want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}; !slices.Equal(got, want) {
		t.Errorf("taken: %v, want %v", got, want)
	}
}

func onSubnet(s string) Record {
	subnet := netip.MustParsePrefix(s)
	return Record{Pools: []Pool{{Subnet: subnet, Gateway: subnet.Addr().Next(), Range: subnet}}}
}

// Any history of taking and giving back: nobody shares an address, nobody has
// one that cannot be used, and everybody keeps his own.
func TestAddressesAreHeldByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := onSubnet("172.24.0.0/28")
		const usable = 16 - 3
		var l leases
		has := map[string]netip.Addr{}
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				id := fmt.Sprint("c", rapid.IntRange(0, 20).Draw(t, "id"))
				before, had := has[id]
				a, err := l.take(r, claim{id: id, name: "name-" + id[:2], family: ipv4})
				if err != nil {
					if had || len(has) != usable {
						t.Fatalf("%s gets no address though %d are held: %v", id, len(has), err)
					}
					return
				}
				if had && a != before {
					t.Fatalf("%s had %s and gets %s", id, before, a)
				}
				has[id] = a
			},
			"release": func(t *rapid.T) {
				id := fmt.Sprint("c", rapid.IntRange(0, 20).Draw(t, "id"))
				_, had := has[id]
				if l.release(id) != had {
					t.Fatalf("release(%s) does not say %v", id, had)
				}
				delete(has, id)
			},
			"": func(t *rapid.T) {
				seen := map[netip.Addr]string{}
				for id, a := range has {
					if other, ok := seen[a]; ok {
						t.Fatalf("%s and %s have %s", id, other, a)
					}
					seen[a] = id
					last := a.As4()[3]
					if !r.Pools[0].Subnet.Contains(a) || last < 2 || last == 15 {
						t.Fatalf("%s has %s", id, a)
					}
				}
				if len(l.holders()) != len(has) {
					t.Fatalf("held by %v, want %v", l.holders(), has)
				}
			},
		})
	})
}

func TestAnAddressThatWasGivenBackRests(t *testing.T) {
	r := onSubnet("172.24.0.0/22")
	var l leases
	first, err := l.take(r, claim{id: "a", name: "web-1", family: ipv4})
	if err != nil {
		t.Fatal(err)
	}
	l.release("a")
	second, err := l.take(r, claim{id: "b", name: "db-1", family: ipv4})
	if err != nil || second == first {
		t.Errorf("%s is given out at once again (%v)", second, err)
	}
}

func TestAReplacedContainerKeepsItsAddress(t *testing.T) {
	r := onSubnet("172.24.0.0/22")
	var l leases
	old, err := l.take(r, claim{id: "web-1.a", name: "shop-web-1", family: ipv4})
	if err != nil {
		t.Fatal(err)
	}
	both, err := l.take(r, claim{id: "web-1.b", name: "shop-web-1", family: ipv4})
	if err != nil || both == old {
		t.Errorf("beside its predecessor it has %s (%v)", both, err)
	}
	l.release("web-1.a")
	l.release("web-1.b")
	if again, err := l.take(r, claim{id: "web-1.c", name: "shop-web-1", family: ipv4}); err != nil || again != both {
		t.Errorf("%s, want %s (%v)", again, both, err)
	}
}

// `run` gives each container another name.
func TestWhoComesOnceIsNotRememberedForEver(t *testing.T) {
	r := onSubnet("172.24.0.0/22")
	var l leases
	if _, err := l.take(r, claim{id: "db", name: "shop-db-1", family: ipv4}); err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		id := fmt.Sprint("run-", i)
		if _, err := l.take(r, claim{id: id, name: id, family: ipv4}); err != nil {
			t.Fatal(err)
		}
		l.release(id)
	}
	if len(l.Before) > 1024 || len(l.Before["shop-db-1"]) != 1 {
		t.Errorf("the addresses of %d names are remembered, and %v of db's", len(l.Before), l.Before["shop-db-1"])
	}
}

func TestAFixedAddressIsHeldByItsOwnerAlone(t *testing.T) {
	r := onSubnet("172.24.0.0/22")
	r.Name = "shop_back"
	var l leases
	five := netip.MustParseAddr("172.24.0.5")
	db := claim{id: "db", name: "shop-db-1", family: ipv4, fixed: five}
	for range 2 {
		if got, err := l.take(r, db); err != nil || got != five {
			t.Fatalf("db gets %s (%v)", got, err)
		}
	}
	for want, c := range map[string]claim{
		"taken by container db": {id: "web", name: "shop-web-1", family: ipv4, fixed: five},
		"in no subnet":          {id: "web", name: "shop-web-1", family: ipv4, fixed: netip.MustParseAddr("10.0.0.1")},
		"gateway":               {id: "web", name: "shop-web-1", family: ipv4, fixed: netip.MustParseAddr("172.24.0.1")},
	} {
		if got, err := l.take(r, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q: got %s", err, want, got)
		}
	}
}

func TestWhatOthersWantForThemselvesIsNotGivenOut(t *testing.T) {
	r := onSubnet("172.24.0.0/29")
	r.Pools[0].Reserved = []netip.Addr{netip.MustParseAddr("172.24.0.3")}
	var l leases
	c := claim{family: ipv4, not: []netip.Addr{netip.MustParseAddr("172.24.0.2"), netip.MustParseAddr("172.24.0.5")}}
	var got []string
	for _, c.id = range []string{"a", "b"} {
		c.name = c.id
		a, err := l.take(r, c)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, a.String())
	}
	if want := []string{"172.24.0.4", "172.24.0.6"}; !slices.Equal(got, want) {
		t.Errorf("given out: %v, want %v", got, want)
	}
	c.id = "c"
	if a, err := l.take(r, c); err == nil {
		t.Errorf("a third gets %s", a)
	}
}

func TestAddressesComeFromTheRangeAndThenFromTheNextSubnet(t *testing.T) {
	r := onSubnet("172.24.0.0/24")
	r.Pools[0].Range = netip.MustParsePrefix("172.24.0.128/31")
	next := netip.MustParsePrefix("172.24.9.0/24")
	r.Pools = append(r.Pools, Pool{Subnet: next, Gateway: next.Addr().Next(), Range: next})
	var l leases
	var got []string
	for _, id := range []string{"a", "b", "c"} {
		a, err := l.take(r, claim{id: id, name: id, family: ipv4})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, a.String())
	}
	if want := []string{"172.24.0.128", "172.24.0.129", "172.24.9.2"}; !slices.Equal(got, want) {
		t.Errorf("given out: %v, want %v", got, want)
	}
}

func TestANetworkHasTheSubnetsThatItAsksForAndAFreeOneOfEachOtherFamily(t *testing.T) {
	prefix := netip.MustParsePrefix
	taken := []netip.Prefix{prefix("172.24.0.0/22")}
	for name, c := range map[string]struct {
		want project.Network
		pool []string // subnet, gateway
	}{
		"nothing":   {project.Network{}, []string{"172.24.4.0/22 172.24.4.1"}},
		"IPv6 too":  {project.Network{IPv6: true, Subnets: []project.Subnet{{Subnet: prefix("fd00:1::/64")}}}, []string{"fd00:1::/64 fd00:1::1", "172.24.4.0/22 172.24.4.1"}},
		"IPv6 only": {project.Network{IPv6: true, NoIPv4: true, Subnets: []project.Subnet{{Subnet: prefix("fd00:1::/64")}}}, []string{"fd00:1::/64 fd00:1::1"}},
		"a gateway": {project.Network{Subnets: []project.Subnet{{Subnet: prefix("10.5.0.0/16"), Gateway: netip.MustParseAddr("10.5.5.5")}}}, []string{"10.5.0.0/16 10.5.5.5"}},
		"several":   {project.Network{Subnets: []project.Subnet{{Subnet: prefix("10.5.0.0/16")}, {Subnet: prefix("10.6.0.0/16")}}}, []string{"10.5.0.0/16 10.5.0.1", "10.6.0.0/16 10.6.0.1"}},
	} {
		pools, err := subnets{want: c.want, taken: taken}.choose()
		var got []string
		for _, p := range pools {
			got = append(got, fmt.Sprint(p.Subnet, " ", p.Gateway))
		}
		if err != nil || !slices.Equal(got, c.pool) {
			t.Errorf("%s: %v (%v), want %v", name, got, err, c.pool)
		}
	}
}

func TestAChosenSubnetOfIPv6IsOfThisNetworkAlone(t *testing.T) {
	a, b := freeSubnet6("host\x00a", nil), freeSubnet6("host\x00b", nil)
	again := freeSubnet6("host\x00a", []netip.Prefix{a})
	for _, p := range []netip.Prefix{a, b, again} {
		if p.Bits() != 64 || !p.Addr().IsPrivate() || p != p.Masked() {
			t.Errorf("%s is no /64 of unique local addresses", p)
		}
	}
	if a != freeSubnet6("host\x00a", nil) || a == b || a.Overlaps(again) {
		t.Errorf("%s, %s, and %s when the first is taken", a, b, again)
	}
}

func TestASubnetOfAnotherNetworkOfOursIsRefusedByName(t *testing.T) {
	blog := onSubnet("10.5.0.0/16")
	blog.Name = "blog_default"
	_, err := subnets{
		want:   project.Network{Name: "shop_default", Subnets: []project.Subnet{{Subnet: netip.MustParsePrefix("10.5.1.0/24")}}},
		others: []Record{blog},
	}.choose()
	if err == nil || !strings.Contains(err.Error(), "blog_default") {
		t.Errorf("%v, want that it overlaps that of blog_default", err)
	}
}
