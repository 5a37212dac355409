package dns_test

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"github.com/gocompose/gocompose/dns"
)

// serve starts a server for the viewer on loopback and returns where it is.
func serve(t *testing.T, tab *dns.Table, viewer string, upstreams ...netip.AddrPort) string {
	t.Helper()
	packets, streams := sockets(t)
	s := dns.Start(t.Context(), dns.Config{
		Viewer: viewer, Table: tab, Packets: packets, Streams: streams,
		Forwarder: dns.NewForwarder(func() ([]netip.AddrPort, error) { return upstreams, nil }),
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return streams.Addr().String()
}

// sockets returns a socket of each kind on one port.
func sockets(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 10 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		pc, err := net.ListenPacket("udp4", l.Addr().String())
		if err == nil {
			return pc, l
		}
		l.Close()
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil, nil
}

// upstream starts a name server that answers by answer; nil is silence.
func upstream(t *testing.T, answer func(network string, req *miekg.Msg) *miekg.Msg) netip.AddrPort {
	t.Helper()
	packets, streams := sockets(t)
	handler := func(network string) miekg.Handler {
		return miekg.HandlerFunc(func(w miekg.ResponseWriter, req *miekg.Msg) {
			if m := answer(network, req); m != nil {
				_ = w.WriteMsg(m)
			}
		})
	}
	for _, s := range []*miekg.Server{
		{PacketConn: packets, Handler: handler("udp")},
		{Listener: streams, Handler: handler("tcp")},
	} {
		ready, done := make(chan struct{}), make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		go func() {
			defer close(done)
			_ = s.ActivateAndServe()
		}()
		<-ready
		t.Cleanup(func() {
			_ = s.Shutdown()
			<-done
		})
	}
	return netip.MustParseAddrPort(streams.Addr().String())
}

func ask(t *testing.T, network, at, name string, qtype uint16) *miekg.Msg {
	t.Helper()
	return send(t, network, at, new(miekg.Msg).SetQuestion(name, qtype))
}

func send(t *testing.T, network, at string, req *miekg.Msg) *miekg.Msg {
	t.Helper()
	client := miekg.Client{Net: network, Timeout: 20 * time.Second, UDPSize: miekg.MaxMsgSize}
	resp, _, err := client.Exchange(req, at)
	if err != nil {
		t.Fatalf("asking %v by %s: %v", req.Question, network, err)
	}
	return resp
}

// text is a reply in one line: its code, flags and records.
func text(m *miekg.Msg) string {
	words := []string{miekg.RcodeToString[m.Rcode]}
	if m.Truncated {
		words = append(words, "truncated")
	}
	for _, rr := range m.Answer {
		words = append(words, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return strings.Join(words, " ")
}

// size is how long the message was on its way.
func size(m *miekg.Msg) int {
	m.Compress = true
	return m.Len()
}

// arpa is the name that asks who has an address.
func arpa(t *testing.T, addr string) string {
	t.Helper()
	name, err := miekg.ReverseAddr(addr)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func noUpstream(t *testing.T) netip.AddrPort {
	return upstream(t, func(_ string, req *miekg.Msg) *miekg.Msg {
		t.Errorf("%v was passed on", req.Question)
		return nil
	})
}

func TestKnownNamesAreAnsweredHere(t *testing.T) {
	at := serve(t, shop(), "app1", noUpstream(t))
	for _, network := range []string{"udp", "tcp"} {
		for _, c := range []struct {
			name  string
			qtype uint16
			want  string
		}{
			{"db.", miekg.TypeA, "NOERROR 10.0.1.2"},
			{"DB.Shop_back.", miekg.TypeA, "NOERROR 10.0.1.2"},
			{"db.", miekg.TypeAAAA, "NOERROR"},
			{"db.", miekg.TypeMX, "NOERROR"},
			{"db.", miekg.TypeHTTPS, "NOERROR"},
			{"db.", miekg.TypeANY, "NOERROR 10.0.1.2"},
			{"2.1.0.10.in-addr.arpa.", miekg.TypePTR, "NOERROR shop-db-1.shop_back."},
		} {
			resp := ask(t, network, at, c.name, c.qtype)
			if got := text(resp); got != c.want {
				t.Errorf("%s %s %s: %q, want %q", network, c.name, miekg.TypeToString[c.qtype], got, c.want)
			}
			if resp.Question[0].Name != c.name || !resp.RecursionAvailable {
				t.Errorf("%s: the reply does not fit: %v", c.name, resp)
			}
			for _, rr := range resp.Answer {
				if rr.Header().Ttl > 5 || rr.Header().Name != c.name {
					t.Errorf("%s: record %v", c.name, rr)
				}
			}
		}
	}
}

func TestIPv6NamesAndAddresses(t *testing.T) {
	tab := dns.NewTable()
	tab.Put(dns.Host{ID: "six", Places: []dns.Place{{Network: "n", Address: addr("fd00::5"), Names: []string{"six"}}}})
	at := serve(t, tab, "six", noUpstream(t))
	for _, c := range []struct {
		name  string
		qtype uint16
		want  string
	}{
		{"six.", miekg.TypeAAAA, "NOERROR fd00::5"}, {"six.", miekg.TypeA, "NOERROR"}, {arpa(t, "fd00::5"), miekg.TypePTR, "NOERROR six.n."},
	} {
		if got := text(ask(t, "udp", at, c.name, c.qtype)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestReplicasTakeTurns(t *testing.T) {
	at := serve(t, shop(), "app1", noUpstream(t))
	first := map[string]int{}
	for range 100 {
		resp := ask(t, "udp", at, "app.", miekg.TypeA)
		if len(resp.Answer) != 2 {
			t.Fatalf("answered %v", resp.Answer)
		}
		first[resp.Answer[0].(*miekg.A).A.String()]++
	}
	if len(first) != 2 { // the odds are 2 in 2^100
		t.Errorf("first were %v", first)
	}
}

func TestWhatDoesNotFitIsAskedForByTCP(t *testing.T) {
	tab := dns.NewTable()
	const replicas = 200
	for i := range replicas {
		tab.Put(dns.Host{ID: fmt.Sprint(i), Places: []dns.Place{
			{Network: "n", Address: netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), Names: []string{"web"}}}})
	}
	at := serve(t, tab, "0", noUpstream(t))
	resp := ask(t, "udp", at, "web.", miekg.TypeA)
	if !resp.Truncated || size(resp) > miekg.MinMsgSize || len(resp.Answer) == 0 {
		t.Errorf("%d bytes, %d answers, truncated: %v", size(resp), len(resp.Answer), resp.Truncated)
	}
	large := new(miekg.Msg).SetQuestion("web.", miekg.TypeA).SetEdns0(4096, false)
	if resp := send(t, "udp", at, large); resp.Truncated || len(resp.Answer) != replicas || resp.IsEdns0() == nil {
		t.Errorf("a client that takes 4096 bytes gets %d answers", len(resp.Answer))
	}
	if resp := ask(t, "tcp", at, "web.", miekg.TypeA); resp.Truncated || len(resp.Answer) != replicas {
		t.Errorf("by TCP there are %d answers", len(resp.Answer))
	}
}

func TestOddQueries(t *testing.T) {
	at := serve(t, shop(), "app1", noUpstream(t))
	update := new(miekg.Msg).SetUpdate("example.")
	if got := text(send(t, "udp", at, update)); got != "NOTIMP" {
		t.Errorf("an update: %q", got)
	}
	none := &miekg.Msg{MsgHdr: miekg.MsgHdr{Id: 7}}
	if got := text(send(t, "udp", at, none)); got != "FORMERR" {
		t.Errorf("no question: %q", got)
	}
	future := new(miekg.Msg).SetQuestion("db.", miekg.TypeA).SetEdns0(1232, false)
	future.IsEdns0().SetVersion(1)
	if resp := send(t, "udp", at, future); resp.Rcode != miekg.RcodeBadVers || len(resp.Answer) != 0 {
		t.Errorf("an unknown version of EDNS: %v", resp)
	}
}

func TestOneConnectionAsksManyQuestions(t *testing.T) {
	at := serve(t, shop(), "app1", noUpstream(t))
	conn, err := miekg.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 5 {
		if err := conn.WriteMsg(new(miekg.Msg).SetQuestion("db.", miekg.TypeA)); err != nil {
			t.Fatal(err)
		}
		resp, err := conn.ReadMsg()
		if err != nil || text(resp) != "NOERROR 10.0.1.2" {
			t.Fatalf("%v %v", resp, err)
		}
	}
}

func TestCloseEndsEverythingAndFreesThePort(t *testing.T) {
	before := runtime.NumGoroutine()
	reached := make(chan struct{})
	var once sync.Once
	hang := upstream(t, func(string, *miekg.Msg) *miekg.Msg {
		once.Do(func() { close(reached) })
		return nil
	})
	packets, streams := sockets(t)
	s := dns.Start(t.Context(), dns.Config{
		Viewer: "proxy", Table: shop(), Packets: packets, Streams: streams,
		Forwarder: dns.NewForwarder(func() ([]netip.AddrPort, error) { return []netip.AddrPort{hang}, nil }),
	})
	at := streams.Addr().String()
	idle, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	query, err := new(miekg.Msg).SetQuestion("x.example.", miekg.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	asking, err := net.Dial("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer asking.Close()
	if _, err := asking.Write(query); err != nil {
		t.Fatal(err)
	}
	<-reached
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := idle.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlived the server")
	}
	again, err := net.ListenPacket("udp4", at)
	if err != nil {
		t.Fatalf("the port is still taken: %v", err)
	}
	again.Close()
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before+2; { // those of the upstream
		if time.Now().After(end) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
		runtime.Gosched()
	}
}
