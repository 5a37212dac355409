//go:build live

package supervisor

import (
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
)

// nameServerIn answers everything with one address, on the loopback of a
// namespace.
func nameServerIn(t *testing.T, path, answer string) {
	t.Helper()
	s := &dns.Server{Handler: dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
		m := new(dns.Msg).SetReply(req)
		m.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: req.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.ParseIP(answer),
		}}
		_ = w.WriteMsg(m)
	})}
	err := netns.Do(path, func() (err error) {
		s.PacketConn, err = net.ListenPacket("udp4", "127.0.0.1:53")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.ActivateAndServe()
	}()
	t.Cleanup(func() {
		s.PacketConn.Close()
		<-done
	})
}

func TestNameServersOfAContainerAreAskedFromItsNamespace(t *testing.T) {
	p := layout(t)
	ids := fleet(t, p, 2)
	for i, id := range ids {
		e, err := endpoint.Read(p.Endpoints(), id)
		if err != nil {
			t.Fatal(err)
		}
		e.Names.Servers = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
		if err := endpoint.Write(p.Endpoints(), e); err != nil {
			t.Fatal(err)
		}
		nameServerIn(t, e.Netns, []string{"192.0.2.1", "192.0.2.2"}[i])
	}
	s := newSupervisor(Config{Paths: p, Runtime: newFake(ids...)}.withDefaults())
	if err := s.restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.closeAll()
	if p := s.report.list(); len(p) > 0 {
		t.Fatal(p)
	}
	for i, id := range ids {
		if got, want := resolveIn(t, filepath.Join(p.Netns(), id), "x.example"), []string{"192.0.2.1", "192.0.2.2"}[i]; got != want {
			t.Errorf("%s finds x.example at %s, want %s", id, got, want)
		}
	}
}

// BenchmarkAskingFromANamespace is what it costs to ask from a container's
// namespace rather than from the host's.
func BenchmarkAskingFromANamespace(b *testing.B) {
	path := filepath.Join(b.TempDir(), "netns")
	if err := netns.Create(path, loopbackUp); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := netns.Remove(path); err != nil {
			b.Error(err)
		}
	})
	for name, dial := range map[string]func() (net.Conn, error){
		"container": func() (net.Conn, error) { return dialIn(path)(b.Context(), "udp", "127.0.0.1:53") },
		"host":      func() (net.Conn, error) { return new(net.Dialer).DialContext(b.Context(), "udp", "127.0.0.1:53") },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				conn, err := dial()
				if err != nil {
					b.Fatal(err)
				}
				conn.Close()
			}
		})
	}
}
