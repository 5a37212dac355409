package nft

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// aKey is one of few, so that the same comes again.
func aKey(t *rapid.T) Key {
	host := rapid.SampledFrom([]string{"0.0.0.0", "127.0.0.1", "192.0.2.7", "::", "::1", "fd00::7"}).Draw(t, "host")
	return Key{
		Proto: rapid.SampledFrom([]uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_SCTP}).Draw(t, "proto"),
		Host:  netip.MustParseAddr(host), Port: rapid.SampledFrom([]uint16{1, 80, 256, 65535}).Draw(t, "port"),
	}
}

func targets(t *rapid.T, k Key) []netip.AddrPort {
	aTarget := rapid.Custom(func(t *rapid.T) netip.AddrPort {
		last := rapid.Byte().Draw(t, "address")
		addr := netip.AddrFrom4([4]byte{172, 24, 0, last})
		if k.Host.Is6() {
			addr = netip.AddrFrom16([16]byte{0xfd, 0x24, 15: last})
		}
		return netip.AddrPortFrom(addr, rapid.Uint16Range(1, 300).Draw(t, "target"))
	})
	most := rapid.SampledFrom([]int{1, 1, 4, maxTargets}).Draw(t, "most")
	to := rapid.SliceOfNDistinct(aTarget, 1, most, rapid.ID).Draw(t, "to")
	slices.SortFunc(to, netip.AddrPort.Compare)
	return to
}

func someMappings(t *rapid.T) (ms []Mapping) {
	for _, k := range rapid.SliceOfNDistinct(rapid.Custom(aKey), 0, 12, rapid.ID).Draw(t, "keys") {
		ms = append(ms, Mapping{k, targets(t, k)})
	}
	return ms
}

// changed returns mappings of which some are those of have, some are for a port
// of have.
func changed(t *rapid.T, have []Mapping) []Mapping {
	want := someMappings(t)
	for _, m := range have {
		kind := rapid.SampledFrom([]string{"goes", "stays", "changes"}).Draw(t, "kind")
		if kind == "goes" || slices.ContainsFunc(want, func(o Mapping) bool { return o.Key == m.Key }) {
			continue
		}
		if kind == "changes" {
			m.To = targets(t, m.Key)
		}
		want = append(want, m)
	}
	return want
}

func sorted(ms []Mapping) []Mapping {
	return slices.SortedFunc(slices.Values(ms), func(a, b Mapping) int { return a.compare(b.Key) })
}

// decoded reads entries as Published does.
func decoded(t *rapid.T, s tableSets, es []entry) []Mapping {
	to := map[Key][]netip.AddrPort{}
	for _, e := range es {
		for _, f := range s.families() {
			tail := map[*nftables.Set]int{f.ports: 0, f.portsOn: 0, f.slots: 4, f.slotsOn: 4}
			if n, is := tail[e.set]; is {
				if err := (element{key: e.Key, value: e.value()}).addTo(to, f, n); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return collect(to)
}

func TestMappingsAreReadBackFromTheKernelsForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, ms := sets(&nftables.Table{}), someMappings(t)
		if got := decoded(t, s, s.ports(ms)); !slices.EqualFunc(got, sorted(ms), Mapping.Equal) {
			t.Fatalf("%v are read back as %v", ms, got)
		}
	})
}

// What is there, without what goes, with what comes, is what is wanted; and
// nothing goes and comes back as it was.
func TestTheDifferenceOfElementsLeadsToWhatIsWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sets(&nftables.Table{})
		had := someMappings(t)
		have, want := s.ports(had), s.ports(changed(t, had))
		gone, come := difference(have, want)
		is := map[string]string{}
		for _, e := range have {
			is[e.id()] = e.value()
		}
		for _, e := range gone {
			if _, ok := is[e.id()]; !ok {
				t.Fatalf("%q goes and is not there", e.id())
			}
			delete(is, e.id())
		}
		for _, e := range come {
			if _, ok := is[e.id()]; ok {
				t.Fatalf("%q comes and is there", e.id())
			}
			if slices.ContainsFunc(gone, func(g entry) bool { return g.id() == e.id() && g.value() == e.value() }) {
				t.Fatalf("%q goes and comes", e.id())
			}
			is[e.id()] = e.value()
		}
		for _, e := range want {
			if value, ok := is[e.id()]; !ok || value != e.value() {
				t.Fatalf("%q is wanted and not there", e.id())
			}
		}
		if len(is) != len(want) {
			t.Fatalf("there are %d elements, want %d", len(is), len(want))
		}
	})
}

func TestElementsGoOutInMessagesThatFit(t *testing.T) {
	var ms []Mapping
	for i := range 1000 {
		ms = append(ms, Mapping{
			Key{unix.IPPROTO_TCP, netip.IPv4Unspecified(), uint16(i)}, []netip.AddrPort{netip.MustParseAddrPort("172.24.0.2:80")},
		})
	}
	var sizes []int
	s := sets(&nftables.Table{})
	err := each(s.ports(ms), func(set *nftables.Set, es []nftables.SetElement) error {
		if set != s.v4.ports {
			t.Errorf("elements of every address go to %s", set.Name)
		}
		sizes = append(sizes, len(es))
		return nil
	})
	if err != nil || !slices.Equal(sizes, []int{256, 256, 256, 232}) {
		t.Errorf("messages of %v elements (%v)", sizes, err)
	}
}

func TestEachPortHasAChainOfItsOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := aKey(t), aKey(t)
		if a != b && a.chain() == b.chain() {
			t.Fatalf("%s and %s have the chain %s", a, b, a.chain())
		}
	})
	s := sets(&nftables.Table{})
	for _, c := range chains(s, nil) {
		for _, proto := range []string{"tcp", "udp", "sctp", "protocol-"} {
			if strings.HasPrefix(c.name, proto) {
				t.Errorf("the chain %s has a name that one of a port may have", c.name)
			}
		}
	}
}

func TestTheLastAddressOfASubnet(t *testing.T) {
	for prefix, want := range map[string]string{
		"172.24.4.0/22": "172.24.7.255", "172.24.4.9/22": "172.24.7.255", "10.0.0.0/8": "10.255.255.255",
		"192.0.2.1/32": "192.0.2.1", "0.0.0.0/0": "255.255.255.255",
		"fd24::/64": "fd24::ffff:ffff:ffff:ffff", "fd24::9/126": "fd24::b", "fd24::9/128": "fd24::9",
	} {
		if got, _ := netip.AddrFromSlice(last(netip.MustParsePrefix(prefix))); got.String() != want {
			t.Errorf("last(%s) = %s, want %s", prefix, got, want)
		}
	}
}

func TestWhatThePacketFilterCannotDoIsRefused(t *testing.T) {
	ports := func(on string, to ...string) Rules {
		m := Mapping{Key: Key{unix.IPPROTO_TCP, netip.MustParseAddr(on), 80}}
		for _, a := range to {
			m.To = append(m.To, netip.MustParseAddrPort(a))
		}
		return Rules{Mappings: []Mapping{m}}
	}
	many := ports("0.0.0.0")
	for i := range maxTargets + 1 {
		many.Mappings[0].To = append(many.Mappings[0].To, netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(i)))
	}
	twice := ports("0.0.0.0", "10.0.0.1:1")
	twice.Mappings = append(twice.Mappings, ports("0.0.0.0", "10.0.0.2:1").Mappings...)
	network := func(n Network) Rules { return Rules{Networks: []Network{n}} }
	for want, r := range map[string]Rules{
		"0.0.0.0:80/tcp: it leads nowhere":         ports("0.0.0.0"),
		"leads to 241 containers":                  many,
		"published twice":                          twice,
		"cannot lead to [fd24::1]:1":               ports("0.0.0.0", "[fd24::1]:1"),
		"cannot lead to 10.0.0.1:1":                ports("::", "10.0.0.1:1"),
		"not sorted":                               ports("0.0.0.0", "10.0.0.2:1", "10.0.0.1:1"),
		"not different":                            ports("0.0.0.0", "10.0.0.1:1", "10.0.0.1:1"),
		"fe80::1%eth0 is no address":               ports("fe80::1%eth0", "[fd24::1]:1"),
		"no name of a link: 0 letters":             network(Network{}),
		"no name of a link: 16 letters":            network(Network{Bridge: "0123456789abcdef"}),
		"fd24::1: it is not of IPv4":               network(Network{Bridge: "b", Source: netip.MustParseAddr("fd24::1")}),
		"bridge b: one of its subnets is none":     network(Network{Bridge: "b", Subnets: make([]netip.Prefix, 1)}),
		"::ffff:10.0.0.1 is no address for the pa": ports("::ffff:10.0.0.1", "10.0.0.1:1"),
	} {
		if err := r.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
	}
}
