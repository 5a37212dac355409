package networks

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/nft"
	"github.com/gocompose/gocompose/project"
)

func anEndpoint(ports ...endpoint.Port) endpoint.Endpoint {
	return endpoint.Endpoint{
		ID: "web", Interfaces: []endpoint.Interface{{Address: netip.MustParsePrefix("172.24.0.2/22")}}, Ports: ports,
	}
}

func TestAPortBecomesAMapping(t *testing.T) {
	to := []netip.AddrPort{netip.MustParseAddrPort("172.24.0.2:80")}
	for _, c := range []struct {
		port endpoint.Port
		want []nft.Mapping
	}{
		{
			endpoint.Port{Port: project.Port{Target: 80, Protocol: "tcp"}, HostPort: 8080},
			[]nft.Mapping{{Key: nft.Key{Proto: unix.IPPROTO_TCP, Host: netip.IPv4Unspecified(), Port: 8080}, To: to}},
		},
		{
			endpoint.Port{Port: project.Port{Target: 80, Protocol: "udp", HostIP: "127.0.0.1"}, HostPort: 8080},
			[]nft.Mapping{{Key: nft.Key{Proto: unix.IPPROTO_UDP, Host: netip.MustParseAddr("127.0.0.1"), Port: 8080}, To: to}},
		},
		{endpoint.Port{Port: project.Port{Target: 80, Protocol: "tcp", HostIP: "::1"}, HostPort: 8080}, nil},
	} {
		got, err := mappings(anEndpoint(c.port))
		if err != nil || len(got) != len(c.want) || len(got) > 0 && !got[0].Equal(c.want[0]) {
			t.Errorf("%s: %v (%v), want %v", c.port, got, err, c.want)
		}
	}
}

func TestAPortThatCannotBePublishedSaysWhy(t *testing.T) {
	nowhere := endpoint.Endpoint{Ports: []endpoint.Port{{Port: project.Port{Target: 80, Protocol: "tcp"}, HostPort: 8080}}}
	for want, e := range map[string]endpoint.Endpoint{
		"no network":         nowhere,
		"no host port":       anEndpoint(endpoint.Port{Port: project.Port{Target: 80, Protocol: "tcp"}}),
		`protocol "sctp"`:    anEndpoint(endpoint.Port{Port: project.Port{Target: 80, Protocol: "sctp"}, HostPort: 80}),
		"unable to parse IP": anEndpoint(endpoint.Port{Port: project.Port{Target: 80, Protocol: "tcp", HostIP: "here"}, HostPort: 80}),
	} {
		if _, err := mappings(e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
	}
}

func aMapping(t *rapid.T) nft.Mapping {
	key := nft.Key{
		Proto: rapid.SampledFrom([]uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP}).Draw(t, "proto"),
		Host:  rapid.SampledFrom([]netip.Addr{netip.IPv4Unspecified(), netip.MustParseAddr("127.0.0.1")}).Draw(t, "host"),
		Port:  rapid.Uint16Range(1, 3).Draw(t, "port"),
	}
	return nft.Mapping{Key: key, To: []netip.AddrPort{netip.AddrPortFrom(
		netip.AddrFrom4([4]byte{172, 24, 0, rapid.ByteRange(2, 4).Draw(t, "container")}), rapid.Uint16Range(1, 2).Draw(t, "target"),
	)}}
}

// What is mapped, less what has to go, with what has to come: no port twice,
// all that is wanted, nothing else of this container, and nothing of another
// one is touched that is not in the way.
func TestTheDifferenceLeadsToWhatIsWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anEndpoint()
		own, _ := e.Address()
		key := func(m nft.Mapping) nft.Key { return m.Key }
		have := rapid.SliceOfDistinct(rapid.Custom(aMapping), key).Draw(t, "have")
		want := rapid.SliceOfDistinct(rapid.Custom(aMapping), key).Draw(t, "want")
		for i := range want {
			want[i].To = []netip.AddrPort{netip.AddrPortFrom(own, want[i].To[0].Port())}
		}
		drop, add := difference(e, have, want)
		got := map[nft.Key]nft.Mapping{}
		for _, m := range have {
			got[key(m)] = m
		}
		for _, m := range drop {
			if !got[key(m)].Equal(m) {
				t.Fatalf("drops %v, which is not there", m)
			}
			delete(got, key(m))
		}
		for _, m := range add {
			if _, ok := got[key(m)]; ok {
				t.Fatalf("adds %v, and the port is taken", m)
			}
			got[key(m)] = m
		}
		for _, m := range want {
			if !got[key(m)].Equal(m) {
				t.Fatalf("%v is wanted and not there", m)
			}
			delete(got, key(m))
		}
		for _, m := range have {
			if _, left := got[key(m)]; !left && m.To[0].Addr() != own && !contains(want, key, m) {
				t.Fatalf("%v of another container is gone", m)
			}
			delete(got, key(m))
		}
		if len(got) > 0 {
			t.Fatalf("and %v", got)
		}
	})
}

func contains(ms []nft.Mapping, key func(nft.Mapping) nft.Key, m nft.Mapping) bool {
	for _, o := range ms {
		if key(o) == key(m) {
			return true
		}
	}
	return false
}
