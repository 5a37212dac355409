package supervisor

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
)

// replica is a container of service web of project shop.
func replica(id, addr string, ports ...endpoint.Port) endpoint.Endpoint {
	e := plain(id, addr, ports...)
	e.Project, e.Service = "shop", "web"
	return e
}

// greet serves TCP and UDP on a port of addr: who connects, or sends something,
// hears the address, and then all it says itself.
func greet(t *testing.T, addr string, number uint16) (port uint16) {
	t.Helper()
	var l net.Listener
	var pc net.PacketConn
	eventually(t, "a port is free for both", func() (free bool) {
		var err error
		if l, err = net.Listen("tcp", on(addr, number)); err != nil {
			t.Fatal(err)
		}
		if pc, err = net.ListenPacket("udp", l.Addr().String()); err != nil {
			l.Close()
		}
		return err == nil
	})
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				_, _ = fmt.Fprintln(c, addr)
				_, _ = io.Copy(c, c)
			})
		}
	})
	work.Go(func() {
		buf := make([]byte, 100)
		for {
			_, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo([]byte(addr+"\n"), from)
		}
	})
	t.Cleanup(func() {
		l.Close()
		pc.Close()
		work.Wait()
	})
	return netip.MustParseAddrPort(l.Addr().String()).Port()
}

// visit connects and returns who greets.
func visit(t *testing.T, network, at string) (who string, c net.Conn) {
	t.Helper()
	c, err := net.Dial(network, at)
	if err != nil {
		return err.Error(), nil
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if network[:3] == "udp" {
		if _, err := c.Write([]byte("hello")); err != nil {
			return err.Error(), c
		}
	}
	return greeting(c), c
}

// greeting reads who greets: a datagram is read whole, or lost.
func greeting(c net.Conn) (who string) {
	buf := make([]byte, 100)
	for !strings.HasSuffix(who, "\n") {
		n, err := c.Read(buf)
		if err != nil {
			return err.Error()
		}
		who += string(buf[:n])
	}
	return strings.TrimSpace(who)
}

// visits returns how often each one greets n visitors.
func visits(t *testing.T, network, at string, n int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		who, _ := visit(t, network, at)
		got[who]++
	}
	return got
}

func wantVisits(t *testing.T, got map[string]int, want map[string]int) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// unused returns a port that nobody has on any address, for all protocols.
func unused(t *testing.T) (number uint16) {
	t.Helper()
	eventually(t, "a port is free for both", func() bool {
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		number = uint16(l.Addr().(*net.TCPAddr).Port)
		pc, err := net.ListenPacket("udp", fmt.Sprintf(":%d", number))
		if err == nil {
			pc.Close()
		}
		return err == nil
	})
	return number
}

func TestReplicasShareAFixedPort(t *testing.T) {
	r := run(t, layout(t), newFake("one", "two", "three"))
	number := unused(t)
	target := greet(t, "127.62.0.1", 0)
	greet(t, "127.62.0.2", target)
	of := func(id, addr string) endpoint.Endpoint {
		return replica(id, addr, port(target, "tcp", "", number), port(target, "udp", "", number))
	}
	r.hold(of("one", "127.62.0.1"))
	two := r.hold(of("two", "127.62.0.2"))
	if two.Ports[0].HostPort != number {
		t.Fatalf("the second has got %v", two.Ports)
	}
	both := map[string]int{"127.62.0.1": 4, "127.62.0.2": 4}
	for _, network := range []string{"tcp4", "udp4"} {
		wantVisits(t, visits(t, network, on("127.0.0.1", number), 8), both)
	}
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		l.Close()
		for _, network := range []string{"tcp6", "udp6"} {
			wantVisits(t, visits(t, network, on("::1", number), 8), both)
		}
	}

	// One that rests gets nothing new, and keeps what it has.
	_, before := visit(t, "tcp4", on("127.0.0.1", number))
	_, too := visit(t, "tcp4", on("127.0.0.1", number))
	rests := of("two", "127.62.0.2")
	rests.Resting = true
	r.hold(rests)
	for _, c := range []net.Conn{before, too} {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Errorf("a connection from before one rests: %v", err)
		}
	}
	wantVisits(t, visits(t, "tcp4", on("127.0.0.1", number), 4), map[string]int{"127.62.0.1": 4})
	// Unless nobody else is there.
	rests = of("one", "127.62.0.1")
	rests.Resting = true
	r.hold(rests)
	wantVisits(t, visits(t, "tcp4", on("127.0.0.1", number), 8), both)

	// One that refuses is passed by.
	third := replica("three", "127.62.0.3", port(target, "tcp", "", number))
	r.hold(third)
	rests = of("two", "127.62.0.2")
	r.hold(rests)
	wantVisits(t, visits(t, "tcp4", on("127.0.0.1", number), 4), map[string]int{"127.62.0.2": 4})
}

func TestAReplicaThatGoesTakesItsConnectionsOnly(t *testing.T) {
	r := run(t, layout(t), newFake("one", "two"))
	number := unused(t)
	target := greet(t, "127.62.1.1", 0)
	greet(t, "127.62.1.2", target)
	for id, addr := range map[string]string{"one": "127.62.1.1", "two": "127.62.1.2"} {
		r.hold(replica(id, addr, port(target, "tcp", "", number), port(target, "udp", "", number)))
	}
	at := on("127.0.0.1", number)
	conns := map[string]net.Conn{}
	for range 2 {
		who, c := visit(t, "tcp4", at)
		conns[who] = c
		who, c = visit(t, "udp4", at)
		conns[who+"/udp"] = c
	}
	if len(conns) != 4 {
		t.Fatalf("connected to %v", conns)
	}
	if err := r.client.Release(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if _, err := conns["127.62.1.1"].Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection to the one that has gone: %v", err)
	}
	stays := conns["127.62.1.2"]
	if _, err := stays.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if _, err := stays.Read(make([]byte, 1)); err != nil {
		t.Errorf("a connection to the other one: %v", err)
	}
	wantVisits(t, visits(t, "tcp4", at, 4), map[string]int{"127.62.1.2": 4})
	// A client of UDP that goes on finds the other one: it may lose what it sends
	// at the moment of the change.
	client := conns["127.62.1.1/udp"]
	eventually(t, "a client of UDP is heard again", func() bool {
		_ = client.SetDeadline(time.Now().Add(100 * time.Millisecond))
		_, _ = client.Write([]byte("hello"))
		return greeting(client) == "127.62.1.2"
	})
	if err := r.client.Release(t.Context(), "two"); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", number))
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	l.Close()
}

func TestOnlyReplicasShareAPort(t *testing.T) {
	r := run(t, layout(t), newFake())
	number := unused(t)
	for i, protocol := range []string{"tcp", "udp", "sctp"} {
		r.hold(replica("web-"+protocol, fmt.Sprintf("127.62.2.%d", 10+i), port(80, protocol, "", number)))
		other := replica("other", "127.62.2.2", port(80, protocol, "", number))
		other.Service = "api"
		project := replica("other", "127.62.2.2", port(80, protocol, "", number))
		project.Project = "blog"
		for what, e := range map[string]endpoint.Endpoint{
			"another service":   other,
			"another project":   project,
			"no service at all": plain("other", "127.62.2.2", port(80, protocol, "", number)),
			"another shape":     replica("other", "127.62.2.2", port(80, protocol, "127.0.0.1", number)),
			"the same twice":    replica("other", "127.62.2.2", port(80, protocol, "", number), port(81, protocol, "", number)),
		} {
			_, err := r.client.Hold(t.Context(), e)
			var taken *PortTakenError
			holder := "shop-web-" + protocol
			if what == "the same twice" {
				if !errors.As(err, &taken) {
					t.Errorf("%s, %s: %v", protocol, what, err)
				}
				continue
			}
			if !errors.As(err, &taken) || taken.Holder != holder || taken.Port != number || !strings.Contains(err.Error(), holder) {
				t.Errorf("%s, %s: %v, want one that names %s", protocol, what, err, holder)
			}
		}
	}
	if s, err := r.client.Status(t.Context()); err != nil || s.Endpoints != 3 {
		t.Errorf("%+v (%v)", s, err)
	}
}

func TestContainersOfNoProjectDoNotShare(t *testing.T) {
	r := run(t, layout(t), newFake())
	number := unused(t)
	r.hold(plain("one", "127.62.3.1", port(80, "tcp", "", number)))
	_, err := r.client.Hold(t.Context(), plain("two", "127.62.3.2", port(80, "tcp", "", number)))
	var taken *PortTakenError
	if !errors.As(err, &taken) || taken.Holder != "shop-one" {
		t.Errorf("got %v", err)
	}
}
