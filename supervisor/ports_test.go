package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/supervisor/relay"
)

// span returns a range of n ports, all of which were free just now.
func span(t *testing.T, n int) (first uint16) {
	t.Helper()
	eventually(t, "there are free ports in a row", func() bool {
		first = unused(t)
		for i := range n {
			for _, network := range []string{"tcp4", "tcp6"} {
				l, err := net.Listen(network, fmt.Sprintf(":%d", int(first)+i))
				if err != nil {
					return false
				}
				l.Close()
			}
		}
		return true
	})
	return first
}

func TestARangeGivesItsFirstFreePort(t *testing.T) {
	r := run(t, layout(t), newFake())
	first := span(t, 4)
	foreign, err := net.Listen("tcp6", fmt.Sprintf("[::]:%d", first+1)) // on one family only
	if err != nil {
		t.Skip("this machine has no IPv6")
	}
	defer foreign.Close()
	ranged := port(80, "tcp", "", first)
	ranged.PublishedEnd = first + 3
	for i, want := range []uint16{first, first + 2, first + 3} {
		e := r.hold(replica(fmt.Sprintf("c%d", i), fmt.Sprintf("127.62.4.%d", i+1), ranged))
		if got := e.Ports[0].HostPort; got != want {
			t.Errorf("container %d has got %d, want %d", i, got, want)
		}
		again := e
		if again = r.hold(again); again.Ports[0].HostPort != want {
			t.Errorf("asked again, it has got %d", again.Ports[0].HostPort)
		}
	}
	_, err = r.client.Hold(t.Context(), replica("last", "127.62.4.9", ranged))
	if want := fmt.Sprintf("all of the ports %d-%d/tcp on 0.0.0.0 are taken: publish a longer range, or another one", first, first+3); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	// What has its number already keeps it, or nothing.
	had := ranged
	had.HostPort = first + 2
	_, err = r.client.Hold(t.Context(), replica("last", "127.62.4.9", had))
	var taken *PortTakenError
	if !errors.As(err, &taken) || taken.Port != first+2 || taken.Holder != "shop-c1" {
		t.Errorf("got %v", err)
	}
}

func TestAPortLeadsToTheAddressOfTheOtherFamily(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6")
	}
	l.Close()
	r := run(t, layout(t), newFake())
	target := greet(t, "127.62.5.1", 0)
	greet(t, "::1", target)
	v4 := plain("four", "127.62.5.1", port(target, "tcp", "", 0), port(target, "udp", "", 0), port(target, "tcp", "::1", 0))
	v6 := plain("six", "127.62.5.2", port(target, "tcp", "", 0), port(target, "udp", "", 0))
	v6.Interfaces[0].Address = netip.Prefix{}
	v6.Interfaces[0].Address6 = netip.MustParsePrefix("::1/128")
	four, six := r.hold(v4), r.hold(v6)
	for _, try := range []struct {
		network, host string
		number        uint16
		want          string
	}{
		{"tcp6", "::1", four.Ports[0].HostPort, "127.62.5.1"},
		{"udp6", "::1", four.Ports[1].HostPort, "127.62.5.1"},
		{"tcp6", "::1", four.Ports[2].HostPort, "127.62.5.1"},
		{"tcp4", "127.0.0.1", six.Ports[0].HostPort, "::1"},
		{"udp4", "127.0.0.1", six.Ports[1].HostPort, "::1"},
		{"tcp6", "::1", six.Ports[0].HostPort, "::1"},
	} {
		if who, _ := visit(t, try.network, on(try.host, try.number)); who != try.want {
			t.Errorf("%s %s: %s, want %s", try.network, on(try.host, try.number), who, try.want)
		}
	}
	if who, _ := visit(t, "tcp4", on("127.0.0.1", four.Ports[2].HostPort)); who == "127.62.5.1" {
		t.Error("a port of an address of IPv6 answers on one of IPv4")
	}
}

func TestPortsOfSCTPAreReserved(t *testing.T) {
	r := run(t, layout(t), newFake())
	number := unused(t)
	r.hold(replica("one", "127.62.6.1", port(80, "sctp", "", number)))
	r.hold(replica("two", "127.62.6.2", port(80, "sctp", "", number)))
	any1 := r.hold(plain("any1", "127.62.6.3", port(80, "sctp", "", 0))).Ports[0].HostPort
	any2 := r.hold(plain("any2", "127.62.6.4", port(80, "sctp", "127.0.0.1", 0))).Ports[0].HostPort
	if any1 == 0 || any2 == 0 || any1 == any2 {
		t.Errorf("free ports: %d and %d", any1, any2)
	}
	foreign, _, err := bindSCTP(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), number))
	if err == nil {
		foreign.Close()
		t.Error("another program gets the port")
	}
	for _, id := range []string{"one", "two"} {
		if err := r.client.Release(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	r.hold(plain("other", "127.62.6.5", port(80, "sctp", "", number)))
}

// The kernel may have no sockets of SCTP: then only we know who has what.
func TestANumberThatNobodyBindsIsGivenOnce(t *testing.T) {
	s := newSockets()
	s.open = func(_ context.Context, p hostPort, _ *relay.Targets) (closers, uint16, error) {
		return nil, max(p.number, 4000), nil
	}
	one, err := s.claim(t.Context(), plain("one", "10.0.0.1", port(80, "sctp", "", 0)), 0)
	if err != nil || one.port.number != 4000 {
		t.Fatalf("%+v %v", one, err)
	}
	_, err = s.claim(t.Context(), plain("two", "10.0.0.2", port(80, "sctp", "", 0)), 0)
	var taken *PortTakenError
	if !errors.As(err, &taken) || taken.Holder != "shop-one" {
		t.Errorf("got %v", err)
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err = s.claim(t.Context(), plain("two", "10.0.0.2", port(80, "sctp", "", 0)), 0); err != nil {
		t.Error(err)
	}
}

func TestSharedPortsAreRestored(t *testing.T) {
	p := layout(t)
	number := unused(t)
	target := greet(t, "127.62.7.1", 0)
	greet(t, "127.62.7.2", target)
	for id, addr := range map[string]string{"one": "127.62.7.1", "two": "127.62.7.2"} {
		e := replica(id, addr, port(target, "tcp", "", number))
		e.Ports[0].HostPort = number
		e.Resting = id == "two"
		if err := endpoint.Write(p.Endpoints(), e); err != nil {
			t.Fatal(err)
		}
	}
	run(t, p, newFake("one", "two"))
	wantVisits(t, visits(t, "tcp4", on("127.0.0.1", number), 4), map[string]int{"127.62.7.1": 4})
}
