package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"
)

func listenTCP(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func listenUDP(t *testing.T, network, ip string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP(network, &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func at(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }

// serveTCP has each connection handled until the test ends.
func serveTCP(t *testing.T, handle func(*net.TCPConn)) netip.AddrPort {
	l := listenTCP(t)
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	return at(l.Addr())
}

func to(addr netip.AddrPort) *Targets {
	ts := new(Targets)
	ts.Add(addr, false)
	return ts
}

func relayTCP(t *testing.T, target netip.AddrPort) (*Relay, string) {
	t.Helper()
	l := listenTCP(t)
	r := TCP(context.Background(), l, to(target))
	t.Cleanup(func() { _ = r.Close() })
	return r, l.Addr().String()
}

func dialTCP(t *testing.T, at string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

func TestAClientThatHasSaidEverythingStillGetsItsAnswer(t *testing.T) {
	target := serveTCP(t, func(c *net.TCPConn) {
		all, err := io.ReadAll(c) // ends when the client has no more to say
		if err == nil {
			_, _ = c.Write(bytes.ToUpper(all))
		}
	})
	_, addr := relayTCP(t, target)
	c := dialTCP(t, addr)
	sent := bytes.Repeat([]byte("abcdefgh"), 1<<17)
	go func() {
		_, _ = c.Write(sent)
		_ = c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, bytes.ToUpper(sent)) {
		t.Fatalf("%d bytes came back of %d (%v)", len(got), len(sent), err)
	}
}

func TestATargetThatHasSaidEverythingStillListens(t *testing.T) {
	heard := make(chan string, 1)
	target := serveTCP(t, func(c *net.TCPConn) {
		_, _ = c.Write([]byte("hello"))
		_ = c.CloseWrite()
		all, _ := io.ReadAll(c)
		heard <- string(all)
	})
	_, addr := relayTCP(t, target)
	c := dialTCP(t, addr)
	if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
		t.Fatalf("%q %v", got, err)
	}
	if _, err := c.Write([]byte("thanks")); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if got := <-heard; got != "thanks" {
		t.Fatalf("the target heard %q", got)
	}
}

// breaks fails unless a connection to addr ends by itself, with nothing to read;
// it may do so before the dialling has returned.
func breaks(t *testing.T, addr string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes, %v", n, err)
	}
}

func TestWhenTheTargetDoesNotListenTheConnectionBreaks(t *testing.T) {
	_, addr := relayTCP(t, netip.MustParseAddrPort("127.0.0.1:1"))
	breaks(t, addr)
}

func TestABrokenTargetBreaksTheConnection(t *testing.T) {
	target := serveTCP(t, func(c *net.TCPConn) { reset(c) })
	_, addr := relayTCP(t, target)
	breaks(t, addr)
}

func TestCloseEndsConnectionsAndFreesThePort(t *testing.T) {
	target := serveTCP(t, func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
	r, addr := relayTCP(t, target)
	c := dialTCP(t, addr)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the connection goes on: %v", err)
	}
	again, err := net.Listen("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// echoUDP answers each datagram with who sent it and what it says.
func echoUDP(t *testing.T, network, ip string) netip.AddrPort {
	c := listenUDP(t, network, ip)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = c.WriteToUDPAddrPort(append([]byte(fmt.Sprintf("%d ", from.Port())), buf[:n]...), from)
		}
	}()
	t.Cleanup(func() {
		c.Close()
		<-done
	})
	return at(c.LocalAddr())
}

func exchange(t *testing.T, c net.Conn, msg string) (port int, back string) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte(msg)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(buf[:n]), "%d %s", &port, &back); err != nil {
		t.Fatalf("%q: %v", buf[:n], err)
	}
	return port, back
}

func TestEachUDPClientGetsItsOwnAnswers(t *testing.T) {
	conn := listenUDP(t, "udp4", "0.0.0.0")
	r, err := UDP(context.Background(), conn, to(echoUDP(t, "udp4", "127.0.0.1")))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ports := map[int]bool{}
	for i := range 5 {
		// Answers from another address of the host would not reach the client.
		c, err := net.Dial("udp4", fmt.Sprintf("127.0.0.%d:%d", i+1, at(conn.LocalAddr()).Port()))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		want := fmt.Sprintf("message-%d", i)
		port, back := exchange(t, c, want)
		again, _ := exchange(t, c, want)
		if back != want || port != again {
			t.Errorf("sent %q from port %d, then %d; got %q", want, port, again, back)
		}
		ports[port] = true
	}
	if len(ports) != 5 {
		t.Errorf("the target saw %d clients", len(ports))
	}
}

func TestUDPOverIPv6ReachesATargetOfIPv4(t *testing.T) {
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6unspecified})
	if err != nil {
		t.Skip("this machine has no IPv6")
	}
	r, err := UDP(context.Background(), conn, to(echoUDP(t, "udp4", "127.0.0.1")))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := net.Dial("udp6", fmt.Sprintf("[::1]:%d", at(conn.LocalAddr()).Port()))
	if err != nil {
		t.Skip("this machine has no IPv6")
	}
	defer c.Close()
	if _, back := exchange(t, c, "six"); back != "six" {
		t.Errorf("got %q", back)
	}
}

func TestAUDPTargetMayComeLater(t *testing.T) {
	later := listenUDP(t, "udp4", "127.0.0.1")
	target := at(later.LocalAddr())
	later.Close()
	conn := listenUDP(t, "udp4", "127.0.0.1")
	r, err := UDP(context.Background(), conn, to(target))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := net.Dial("udp4", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("lost")); err != nil {
		t.Fatal(err)
	}
	later, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(target))
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	got := make(chan string, 1)
	go func() {
		buf := make([]byte, 100)
		for {
			n, err := later.Read(buf)
			if err != nil {
				close(got)
				return
			}
			if string(buf[:n]) == "found" {
				got <- "found"
				return
			}
		}
	}()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if _, err := c.Write([]byte("found")); err != nil {
			t.Fatal(err)
		}
		select {
		case <-got:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("the target never heard anything")
}

func TestASilentUDPClientIsForgotten(t *testing.T) {
	conn := listenUDP(t, "udp4", "127.0.0.1")
	u := &udp{conn: conn, to: to(echoUDP(t, "udp4", "127.0.0.1")), idle: 50 * time.Millisecond}
	r, err := startUDP(context.Background(), u)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := net.Dial("udp4", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	exchange(t, c, "hello")
	count := func() int {
		u.mu.Lock()
		defer u.mu.Unlock()
		return len(u.sessions)
	}
	for end := time.Now().Add(20 * time.Second); count() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the session goes on")
		}
	}
	if _, back := exchange(t, c, "again"); back != "again" {
		t.Errorf("got %q", back)
	}
}

func TestCloseOfUDPEndsItsSessions(t *testing.T) {
	conn := listenUDP(t, "udp4", "127.0.0.1")
	r, err := UDP(context.Background(), conn, to(echoUDP(t, "udp4", "127.0.0.1")))
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("udp4", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	exchange(t, c, "hello")
	if err := r.Close(); err != nil { // waits for the session
		t.Fatal(err)
	}
	again, err := net.ListenPacket("udp4", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
