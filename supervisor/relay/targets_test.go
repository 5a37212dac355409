package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// hosts are targets that say who they are to each connection, and then nothing
// until it ends.
func hosts(t *testing.T, n int) (addrs []netip.AddrPort) {
	for i := range n {
		addrs = append(addrs, serveTCP(t, func(c *net.TCPConn) {
			_, _ = fmt.Fprintf(c, "%d", i)
			_, _ = io.Copy(io.Discard, c)
		}))
	}
	return addrs
}

// among relays to targets.
func among(t *testing.T, to *Targets) string {
	t.Helper()
	l := listenTCP(t)
	r := TCP(context.Background(), l, to)
	t.Cleanup(func() { _ = r.Close() })
	return l.Addr().String()
}

// ask connects and returns who answers.
func ask(t *testing.T, addr string) (who string, c *net.TCPConn) {
	t.Helper()
	c = dialTCP(t, addr)
	buf := make([]byte, 1)
	if _, err := io.ReadFull(c, buf); err != nil {
		return err.Error(), c
	}
	return string(buf), c
}

func asked(t *testing.T, addr string, n int) (who string) {
	t.Helper()
	for range n {
		one, _ := ask(t, addr)
		who += one
	}
	return who
}

func sorted(s string) string {
	b := []byte(s)
	slices.Sort(b)
	return string(b)
}

func TestConnectionsTakeTurns(t *testing.T) {
	to := new(Targets)
	var all []*Target
	for _, addr := range hosts(t, 3) {
		all = append(all, to.Add(addr, false))
	}
	addr := among(t, to)
	if got := asked(t, addr, 6); got != "012012" {
		t.Errorf("they go to %s", got)
	}
	all[1].Rest(true)
	if got := sorted(asked(t, addr, 4)); got != "0022" {
		t.Errorf("with one that rests they go to %s", got)
	}
	all[0].Rest(true)
	all[2].Rest(true)
	if got := sorted(asked(t, addr, 3)); got != "012" {
		t.Errorf("with none but those that rest they go to %s", got)
	}
	all[2].Close()
	all[2].Close() // once more
	all[1].Rest(false)
	if got := asked(t, addr, 2); got != "11" {
		t.Errorf("with one that does not rest they go to %s", got)
	}
	all[0].Close()
	all[1].Close()
	breaks(t, addr)
}

func TestATargetThatRefusesIsPassedBy(t *testing.T) {
	to := new(Targets)
	to.Add(netip.MustParseAddrPort("127.0.0.1:1"), false)
	for _, addr := range hosts(t, 1) {
		to.Add(addr, false)
	}
	to.Add(netip.MustParseAddrPort("127.0.0.1:2"), false)
	if got := asked(t, among(t, to), 6); got != "000000" {
		t.Errorf("they go to %s", got)
	}
}

func TestATargetThatGoesEndsItsOwnConnections(t *testing.T) {
	to := new(Targets)
	var all []*Target
	for _, addr := range hosts(t, 2) {
		all = append(all, to.Add(addr, false))
	}
	addr := among(t, to)
	_, goes := ask(t, addr)
	_, stays := ask(t, addr)
	all[0].Close()
	if _, err := goes.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection to the one that has gone: %v", err)
	}
	if err := stays.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := stays.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection to the other one: %v", err)
	}
}

// Targets come and go all the time while clients connect: one of them is always
// there, so nobody is refused.
func TestNobodyIsRefusedWhileTargetsComeAndGo(t *testing.T) {
	addrs := hosts(t, 3)
	to := new(Targets)
	to.Add(addrs[0], false)
	addr := among(t, to)
	var work sync.WaitGroup
	stop := make(chan struct{})
	for _, a := range addrs[1:] {
		work.Go(func() {
			for {
				target := to.Add(a, false)
				select {
				case <-stop:
					target.Close()
					return
				case <-time.After(time.Millisecond):
				}
				target.Rest(true)
				target.Close()
			}
		})
	}
	for range 200 {
		c := dialTCP(t, addr)
		// What was passed on to one that goes may end at once, but it was passed on:
		// refused is who is reset.
		if _, err := c.Read(make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		c.Close()
	}
	close(stop)
	work.Wait()
}

func TestClientsOfUDPTakeTurnsAndKeepTheirs(t *testing.T) {
	to := new(Targets)
	dead := listenUDP(t, "udp4", "127.0.0.1")
	refuses := at(dead.LocalAddr())
	dead.Close()
	to.Add(refuses, false)
	first := to.Add(echoUDP(t, "udp4", "127.0.0.1"), false)
	conn := listenUDP(t, "udp4", "127.0.0.1")
	r, err := UDP(context.Background(), conn, to)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := net.Dial("udp4", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answered := func(what string) {
		t.Helper()
		buf := make([]byte, 100)
		for end := time.Now().Add(20 * time.Second); ; {
			if err := c.SetDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			_, werr := c.Write([]byte("hello"))
			_, rerr := c.Read(buf)
			if werr == nil && rerr == nil {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %v %v", what, werr, rerr)
			}
		}
	}
	answered("the first one refuses")
	port, _ := exchange(t, c, "hello")
	first.Rest(true)
	if again, _ := exchange(t, c, "hello"); again != port {
		t.Error("a client has lost its target because that rests")
	}
	to.Add(echoUDP(t, "udp4", "127.0.0.1"), false)
	first.Close()
	answered("its target has gone")
}

// Its turn came before it went.
func TestATargetThatHasGoneTakesNothing(t *testing.T) {
	target := new(Targets).Add(hosts(t, 1)[0], false)
	target.Close()
	c := dialTCP(t, hosts(t, 1)[0].String())
	if err := target.connect(t.Context(), c); !errors.Is(err, errGone) {
		t.Errorf("got %v", err)
	}
}
