package dns

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

func seeds(f *testing.F) {
	for _, m := range []*dns.Msg{
		new(dns.Msg).SetQuestion("web.", dns.TypeA),
		new(dns.Msg).SetQuestion("WEB.net.", dns.TypeAAAA).SetEdns0(1232, true),
		new(dns.Msg).SetQuestion("2.0.0.10.in-addr.arpa.", dns.TypePTR),
		new(dns.Msg).SetQuestion("example.com.", dns.TypeMX),
		new(dns.Msg).SetUpdate("example.com."),
		new(dns.Msg).SetReply(new(dns.Msg).SetQuestion("web.", dns.TypeA)),
	} {
		packed, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed, []byte{})
		f.Add(packed, packed)
	}
}

// FuzzAnswer: whatever a container sends, what comes back is a reply to it that
// fits, or nothing, or it is for the name servers.
func FuzzAnswer(f *testing.F) {
	seeds(f)
	table := NewTable()
	table.Put(Host{ID: "me", Places: []Place{{Network: "net", Address: netip.MustParseAddr("10.0.0.2"), Names: []string{"web"}}}})
	outside := &Server{config: Config{Viewer: "me", Table: table, Forwarder: NewForwarder(nil)}}
	inside := &Server{config: Config{Viewer: "me", Table: table}}
	f.Fuzz(func(t *testing.T, query, _ []byte) {
		sent := bytes.Clone(query)
		for _, network := range []string{"udp", "tcp"} {
			if _, local := inside.answer(network, query); !local {
				t.Fatal("passed on to nobody")
			}
			reply, local := outside.answer(network, query)
			if !bytes.Equal(query, sent) {
				t.Fatal("the query was changed")
			}
			if !local {
				if reply != nil {
					t.Fatal("answered, and not")
				}
				reply = failure(query, dns.RcodeServerFailure)
			}
			if reply == nil {
				continue
			}
			var m dns.Msg
			if err := m.Unpack(reply); err != nil {
				t.Fatalf("the reply %x is broken: %v", reply, err)
			}
			if !m.Response || !bytes.Equal(reply[:2], query[:2]) || network == "udp" && len(reply) > maxDatagram {
				t.Fatalf("no reply to it: %v", m)
			}
		}
	})
}

// FuzzUpstreamReply: whatever comes from a name server, judging it does not
// break, and what is believed can be cut short.
func FuzzUpstreamReply(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, reply, query []byte) {
		if len(query) < headerSize || !answers(reply, query) {
			return
		}
		conclusive(reply)
		short := truncated(reply)
		if len(short) > len(reply) || short[2]&flagTruncated == 0 {
			t.Fatalf("cut short: %x", short)
		}
	})
}
