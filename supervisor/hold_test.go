package supervisor

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/gocompose/gocompose/networks/endpoint"
)

func TestAHeldEndpointHasNamesAndPorts(t *testing.T) {
	r := run(t, layout(t), newFake("web", "db"))
	target := echo(t, "127.61.0.1")
	held := r.hold(plain("web", "127.61.0.1", port(target, "tcp", "", 0), port(target, "udp", "", 0), port(target, "tcp", "127.0.0.9", 0)))
	r.hold(plain("db", "127.61.0.2"))

	if got := resolve(t, "127.61.0.1", "db"); got != "127.61.0.2" {
		t.Errorf("web finds db at %s", got)
	}
	if got := resolve(t, "127.61.0.2", "web.shop_default"); got != "127.61.0.1" {
		t.Errorf("db finds web at %s", got)
	}
	for _, try := range []struct{ network, addr string }{
		{"tcp", on("127.0.0.1", held.Ports[0].HostPort)},
		{"tcp", on("127.0.0.5", held.Ports[0].HostPort)},
		{"udp", on("127.0.0.1", held.Ports[1].HostPort)},
		{"udp", on("127.0.0.5", held.Ports[1].HostPort)},
		{"tcp", on("127.0.0.9", held.Ports[2].HostPort)},
	} {
		if err := reaches(t, try.network, try.addr); err != nil {
			t.Errorf("%s %s: %v", try.network, try.addr, err)
		}
	}
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		l.Close()
		for i, network := range []string{"tcp", "udp"} {
			if err := reaches(t, network, on("::1", held.Ports[i].HostPort)); err != nil {
				t.Errorf("%s over IPv6: %v", network, err)
			}
		}
	}
	if err := reaches(t, "tcp", on("127.0.0.1", held.Ports[2].HostPort)); err == nil {
		t.Error("a port of one address answers on another")
	}
}

func TestHoldingAgainChangesNothing(t *testing.T) {
	r := run(t, layout(t), newFake("web"))
	asked := plain("web", "127.61.1.1", port(80, "tcp", "", 0))
	first := r.hold(asked)
	if again := r.hold(asked); again.Ports[0].HostPort != first.Ports[0].HostPort {
		t.Errorf("port %d, then %d", first.Ports[0].HostPort, again.Ports[0].HostPort)
	}
	if again := r.hold(first); again.Ports[0].HostPort != first.Ports[0].HostPort {
		t.Errorf("port %d, then %d", first.Ports[0].HostPort, again.Ports[0].HostPort)
	}
	moved := plain("web", "127.61.1.2")
	r.hold(moved)
	if got := resolve(t, "127.61.1.2", "web"); got != "127.61.1.2" {
		t.Errorf("after a change it is at %s", got)
	}
	if err := reaches(t, "tcp", on("127.0.0.1", first.Ports[0].HostPort)); !refused(err) {
		t.Errorf("a port that is not published any more: %v", err)
	}
}

func refused(err error) bool { return err != nil && strings.Contains(err.Error(), "refused") }

func TestReleaseFreesNamesAndPorts(t *testing.T) {
	r := run(t, layout(t), newFake())
	held := r.hold(plain("web", "127.61.2.1", port(80, "tcp", "", 0), port(80, "udp", "", 0)))
	r.hold(plain("db", "127.61.2.2"))
	for range 2 {
		if err := r.client.Release(t.Context(), "web"); err != nil {
			t.Fatal(err)
		}
	}
	for _, network := range []string{"tcp4", "tcp6"} {
		l, err := net.Listen(network, fmt.Sprintf(":%d", held.Ports[0].HostPort))
		if err != nil {
			t.Errorf("%s: %v", network, err)
			continue
		}
		l.Close()
	}
	pc, err := net.ListenPacket("udp4", fmt.Sprintf(":%d", held.Ports[1].HostPort))
	if err != nil {
		t.Fatal(err)
	}
	pc.Close()
	if got := resolve(t, "127.61.2.2", "web"); strings.Contains(got, "127.61.2.1") {
		t.Errorf("its name is still known: %s", got)
	}
	es, err := r.client.Endpoints(t.Context())
	if err != nil || len(es) != 1 || es[0].ID != "db" {
		t.Errorf("held: %v (%v)", es, err)
	}
}

func TestATakenPortIsNamed(t *testing.T) {
	r := run(t, layout(t), newFake())
	foreign, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	number := uint16(foreign.Addr().(*net.TCPAddr).Port)

	_, err = r.client.Hold(t.Context(), plain("web", "127.61.3.1", port(80, "tcp", "", number)))
	var taken *PortTakenError
	if !errors.As(err, &taken) || taken.Port != number || err.Error() != fmt.Sprintf("port %d/tcp on 0.0.0.0 is taken", number) {
		t.Errorf("got %v", err)
	}
	if s, err := r.client.Status(t.Context()); err != nil || s.Containers != 0 || s.Endpoints != 0 {
		t.Errorf("what failed is held: %+v (%v)", s, err)
	}
	ours := r.hold(plain("web", "127.61.3.1", port(80, "tcp", "", 0)))
	_, err = r.client.Hold(t.Context(), plain("db", "127.61.3.2", port(80, "tcp", "127.0.0.1", ours.Ports[0].HostPort)))
	if want := fmt.Sprintf("port %d/tcp on 127.0.0.1 is taken by container shop-web", ours.Ports[0].HostPort); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWhatCannotBeHeldIsRefused(t *testing.T) {
	r := run(t, layout(t), newFake())
	lonely := plain("web", "127.61.4.1", port(80, "tcp", "", 0))
	lonely.Interfaces = nil
	for name, e := range map[string]endpoint.Endpoint{
		"is on no network":       lonely,
		"no address of this":     plain("web", "127.61.4.1", port(80, "tcp", "192.0.2.1", 0)),
		"is not supported":       plain("web", "127.61.4.1", port(80, "dccp", "", 0)),
		"unable to parse IP":     plain("web", "127.61.4.1", port(80, "tcp", "nonsense", 0)),
		"invalid container ID":   plain("..", "127.61.4.1"),
		"in container shop-web:": plain("web", "192.0.2.1"),
	} {
		if _, err := r.client.Hold(t.Context(), e); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if s, err := r.client.Status(t.Context()); err != nil || s.Containers != 0 {
		t.Errorf("something is held: %+v (%v)", s, err)
	}
}

func TestManyHoldsAtOnce(t *testing.T) {
	r := run(t, layout(t), newFake())
	var work sync.WaitGroup
	for i := range 50 {
		work.Go(func() {
			e := plain(fmt.Sprintf("c%d", i), fmt.Sprintf("127.61.8.%d", i+1), port(80, "tcp", "", 0), port(80, "udp", "", 0))
			if _, err := r.client.Hold(t.Context(), e); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if s, err := r.client.Status(t.Context()); err != nil || s.Endpoints != 50 {
		t.Errorf("%+v (%v)", s, err)
	}
	if got := resolve(t, "127.61.8.1", "c49"); got != "127.61.8.50" {
		t.Errorf("c49 is at %s", got)
	}
	for i := range 50 {
		work.Go(func() {
			if err := r.client.Release(t.Context(), fmt.Sprintf("c%d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if s, err := r.client.Status(t.Context()); err != nil || s.Endpoints != 0 || s.Containers != 0 {
		t.Errorf("%+v (%v)", s, err)
	}
}
