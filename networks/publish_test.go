package networks

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
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

func bothFamilies(e endpoint.Endpoint) endpoint.Endpoint {
	e.Interfaces[0].Address6 = netip.MustParsePrefix("fd00::2/64")
	return e
}

func TestAPortIsADoorOfEachFamilyThatTheContainerHas(t *testing.T) {
	port := func(hostIP string) endpoint.Port {
		return endpoint.Port{Port: project.Port{Target: 80, Protocol: "tcp", HostIP: hostIP}, HostPort: 8080}
	}
	const v4, v6 = "172.24.0.2:80", "[fd00::2]:80"
	for _, c := range []struct {
		name string
		e    endpoint.Endpoint
		want []string // host address, to
	}{
		{"IPv4", anEndpoint(port("")), []string{"0.0.0.0 " + v4}},
		{"both", bothFamilies(anEndpoint(port(""))), []string{"0.0.0.0 " + v4, ":: " + v6}},
		{"an address", bothFamilies(anEndpoint(port("127.0.0.1"))), []string{"127.0.0.1 " + v4}},
		{"an address of IPv6", bothFamilies(anEndpoint(port("fd01::1"))), []string{"fd01::1 " + v6}},
		{"one that the container does not have", anEndpoint(port("fd01::1")), nil},
		{"the loopback of IPv6", bothFamilies(anEndpoint(port("::1"))), nil},
		{"all of IPv6", bothFamilies(anEndpoint(port("::"))), []string{":: " + v6}},
	} {
		ds, err := doors(c.e)
		var got []string
		for _, d := range ds {
			got = append(got, fmt.Sprint(d.key.Host, " ", d.to))
			if d.key.Proto != unix.IPPROTO_TCP || d.key.Port != 8080 {
				t.Errorf("%s: %v", c.name, d.key)
			}
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v (%v), want %v", c.name, got, err, c.want)
		}
	}
}

func TestAPortThatCannotBePublishedSaysWhy(t *testing.T) {
	nowhere := endpoint.Endpoint{Ports: []endpoint.Port{{Port: project.Port{Target: 80, Protocol: "tcp"}, HostPort: 8080}}}
	for want, e := range map[string]endpoint.Endpoint{
		"no network":         nowhere,
		"no host port":       anEndpoint(endpoint.Port{Port: project.Port{Target: 80, Protocol: "tcp"}}),
		`protocol "dccp"`:    anEndpoint(endpoint.Port{Port: project.Port{Target: 80, Protocol: "dccp"}, HostPort: 80}),
		"unable to parse IP": anEndpoint(endpoint.Port{Port: project.Port{Target: 80, Protocol: "tcp", HostIP: "here"}, HostPort: 80}),
	} {
		if _, err := doors(e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
	}
}

// Any history of containers that come, rest, take part and go: each port leads to
// those replicas of one service that take part, or to all where none does.
func TestAPortLeadsToTheReplicasThatTakePart(t *testing.T) {
	n := openTemp(t)
	rapid.Check(t, func(rt *rapid.T) {
		have := mapped{}
		there := map[string]endpoint.Endpoint{}
		replica := func(rt *rapid.T) endpoint.Endpoint {
			i := rapid.IntRange(2, 7).Draw(rt, "replica")
			e := anEndpoint(endpoint.Port{
				Port:     project.Port{Target: 80, Protocol: "udp"},
				HostPort: rapid.SampledFrom([]uint16{8080, 8081}).Draw(rt, "port"),
			})
			e.ID, e.Project, e.Service = fmt.Sprint("c", i), "shop", []string{"web", "api"}[i%2]
			e.Interfaces[0].Address = netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 24, 0, byte(i)}), 22)
			return e
		}
		write := func(e endpoint.Endpoint) {
			there[e.ID] = e
			if err := endpoint.Write(n.paths.Endpoints(), e); err != nil {
				rt.Fatal(err)
			}
		}
		defer func() {
			for id := range there {
				_ = endpoint.Remove(n.paths.Endpoints(), id)
			}
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"publish": func(rt *rapid.T) {
				e := replica(rt)
				e.Resting = rapid.Bool().Draw(rt, "resting")
				want, err := doors(e)
				if err != nil {
					rt.Fatal(err)
				}
				next, err := n.published(e, have, want)
				if strings.Contains(fmt.Sprint(err), "belongs to container") {
					return
				}
				if err != nil {
					rt.Fatal(err)
				}
				have = next
				write(e)
			},
			"go": func(rt *rapid.T) {
				e, ok := there[replica(rt).ID]
				if !ok {
					return
				}
				next, err := n.withdrawn(e, have)
				if err != nil {
					rt.Fatal(err)
				}
				have = next
				delete(there, e.ID)
				if err := endpoint.Remove(n.paths.Endpoints(), e.ID); err != nil {
					rt.Fatal(err)
				}
			},
			"": func(rt *rapid.T) {
				want := mapped{}
				var es []endpoint.Endpoint
				for _, id := range slices.Sorted(maps.Keys(there)) {
					es = append(es, there[id])
				}
				for _, m := range allMappings(es) {
					want[m.Key] = m.To
				}
				if left := append(want.but(have), have.but(want)...); len(left) > 0 {
					rt.Fatalf("mapped %v, want %v", have, want)
				}
			},
		})
	})
}

func TestWhatIsMappedChangesInOneStep(t *testing.T) {
	key := nft.Key{Proto: unix.IPPROTO_TCP, Host: netip.IPv4Unspecified(), Port: 80}
	to := func(s ...string) (list []netip.AddrPort) {
		for _, a := range s {
			list = append(list, netip.MustParseAddrPort(a))
		}
		return list
	}
	have := mapped{key: to("172.24.0.2:80")}
	next := mapped{key: to("172.24.0.2:80", "172.24.0.3:80")}
	if gone, added := have.but(next), next.but(have); len(gone) != 1 || len(added) != 1 {
		t.Errorf("%v goes and %v comes", gone, added)
	}
	if left := have.but(maps.Clone(have)); len(left) > 0 {
		t.Errorf("nothing has changed, and %v goes", left)
	}
}
