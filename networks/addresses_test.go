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

// Any history of taking and giving back: nobody shares an address, nobody has
// one that cannot be used, and everybody keeps his own.
func TestAddressesAreHeldByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Record{Subnet: netip.MustParsePrefix("172.24.0.0/28"), Gateway: netip.MustParseAddr("172.24.0.1")}
		const usable = 16 - 3
		var l leases
		has := map[string]netip.Addr{}
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				id := fmt.Sprint("c", rapid.IntRange(0, 20).Draw(t, "id"))
				before, had := has[id]
				a, err := l.take(r, id, "name-"+id[:2])
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
					if !r.Subnet.Contains(a) || last < 2 || last == 15 {
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
	r := Record{Subnet: netip.MustParsePrefix("172.24.0.0/22"), Gateway: netip.MustParseAddr("172.24.0.1")}
	var l leases
	first, err := l.take(r, "a", "web-1")
	if err != nil {
		t.Fatal(err)
	}
	l.release("a")
	second, err := l.take(r, "b", "db-1")
	if err != nil || second == first {
		t.Errorf("%s is given out at once again (%v)", second, err)
	}
}

func TestAReplacedContainerKeepsItsAddress(t *testing.T) {
	r := Record{Subnet: netip.MustParsePrefix("172.24.0.0/22"), Gateway: netip.MustParseAddr("172.24.0.1")}
	var l leases
	old, err := l.take(r, "web-1.a", "shop-web-1")
	if err != nil {
		t.Fatal(err)
	}
	both, err := l.take(r, "web-1.b", "shop-web-1")
	if err != nil || both == old {
		t.Errorf("beside its predecessor it has %s (%v)", both, err)
	}
	l.release("web-1.a")
	l.release("web-1.b")
	if again, err := l.take(r, "web-1.c", "shop-web-1"); err != nil || again != both {
		t.Errorf("%s, want %s (%v)", again, both, err)
	}
}
