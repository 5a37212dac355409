package dns

import (
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestTheServerThatAnsweredIsAskedFirstForAWhile(t *testing.T) {
	a, b, c := netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.2:53"), netip.MustParseAddrPort("192.0.2.3:53")
	listed := []netip.AddrPort{a, b, c}
	now := time.Unix(1000, 0)
	var m memory
	want := func(when string, after time.Duration, servers []netip.AddrPort, want ...netip.AddrPort) {
		t.Helper()
		if got := m.order(servers, now.Add(after)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	want("at first", 0, listed, a, b, c)
	m.answered(a, now)
	want("the first answered", 0, listed, a, b, c)
	m.answered(b, now)
	want("the second answered", rememberFor-1, listed, b, a, c)
	want("one tries again", rememberFor, listed, a, b, c)
	want("the others do not", rememberFor, listed, b, a, c)
	m.answered(b, now.Add(rememberFor))
	want("it is still silent", 2*rememberFor-1, listed, b, a, c)
	want("one tries again later", 2*rememberFor, listed, a, b, c)
	m.answered(a, now.Add(2*rememberFor))
	want("it is back", 2*rememberFor, listed, a, b, c)
	m.answered(b, now)
	want("the list has changed", 1, []netip.AddrPort{c, b}, c, b)
	if !slices.Equal(listed, []netip.AddrPort{a, b, c}) {
		t.Errorf("the list itself was changed: %v", listed)
	}
}

// nameServer answers every query with the code, or with nothing if that is
// negative. It returns how many it has seen.
func nameServer(t *testing.T, rcode int) (netip.AddrPort, *atomic.Int32) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen, done := new(atomic.Int32), make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, maxQuery)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			seen.Add(1)
			if rcode >= 0 {
				_, _ = conn.WriteTo(failure(buf[:n], rcode), from)
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return netip.MustParseAddrPort(conn.LocalAddr().String()), seen
}

func TestASilentServerIsWaitedForOnlyNowAndThen(t *testing.T) {
	silent, waited := nameServer(t, -1)
	good, _ := nameServer(t, dns.RcodeNameError)
	failing, _ := nameServer(t, dns.RcodeServerFailure)
	servers := []netip.AddrPort{silent, good}
	now := time.Unix(1000, 0)
	f := NewForwarder(func() ([]netip.AddrPort, error) { return servers, nil })
	f.timeout, f.now = 200*time.Millisecond, func() time.Time { return now }
	query, err := new(dns.Msg).SetQuestion("x.example.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	want := func(when string, silences int32) {
		t.Helper()
		reply, err := f.exchange(t.Context(), "udp", query)
		if err != nil || reply[3]&maskRcode != dns.RcodeNameError || waited.Load() != silences {
			t.Errorf("%s: %x (%v), the silent one was asked %d times, want %d", when, reply, err, waited.Load(), silences)
		}
	}
	want("at first", 1)
	want("then", 1)
	want("and again", 1)
	now = now.Add(rememberFor)
	want("after a while", 2)
	want("then again", 2)

	// One that fails at once costs nothing, and is asked first again: for other
	// names it may be the one that knows.
	servers = []netip.AddrPort{failing, good}
	want("failing", 2)
	if order := f.memory.order(servers, now); order[0] != failing {
		t.Errorf("first is %v", order)
	}
}
