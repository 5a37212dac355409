package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	miekg "github.com/miekg/dns"

	"github.com/gocompose/gocompose/dns"
)

func TestUnknownNamesAreForTheNameServers(t *testing.T) {
	up := upstream(t, func(network string, req *miekg.Msg) *miekg.Msg {
		m := new(miekg.Msg).SetReply(req)
		switch req.Question[0].Name {
		case "none.example.":
			m.Rcode = miekg.RcodeNameError
		case "large.example.":
			m.Truncated = network == "udp"
			fallthrough
		default:
			opt := req.IsEdns0()
			rr, err := miekg.NewRR(fmt.Sprintf("%s 300 IN TXT \"%s edns=%v do=%v\"", req.Question[0].Name, network, opt != nil, opt != nil && opt.Do()))
			if err != nil {
				t.Error(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		return m
	})
	at := serve(t, shop(), "proxy", up)
	for _, c := range []struct{ network, name, want string }{
		{"udp", "example.", `NOERROR "udp edns=false do=false"`},
		{"tcp", "example.", `NOERROR "tcp edns=false do=false"`},
		{"udp", "none.example.", "NXDOMAIN"},
		{"udp", "large.example.", `NOERROR truncated "udp edns=false do=false"`},
		{"tcp", "large.example.", `NOERROR "tcp edns=false do=false"`},
		{"udp", "db.", `NOERROR "udp edns=false do=false"`}, // of networks that the viewer is not in
	} {
		if got := text(ask(t, c.network, at, c.name, miekg.TypeTXT)); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.network, c.name, got, c.want)
		}
	}
	withDo := new(miekg.Msg).SetQuestion("x.example.", miekg.TypeTXT).SetEdns0(1232, true)
	if got := text(send(t, "udp", at, withDo)); got != `NOERROR "udp edns=true do=true"` {
		t.Errorf("EDNS: %q", got)
	}
}

func TestAnAnswerTooLongForTheClientIsTruncated(t *testing.T) {
	up := upstream(t, func(_ string, req *miekg.Msg) *miekg.Msg {
		m := new(miekg.Msg).SetReply(req)
		for range 60 { // far more than 512 bytes, without a word of truncation
			m.Answer = append(m.Answer, &miekg.A{Hdr: miekg.RR_Header{Name: req.Question[0].Name, Rrtype: miekg.TypeA, Class: miekg.ClassINET}, A: net.IPv4(192, 0, 2, 1)})
		}
		return m
	})
	at := serve(t, shop(), "proxy", up)
	if resp := ask(t, "udp", at, "long.example.", miekg.TypeA); !resp.Truncated || size(resp) > miekg.MinMsgSize {
		t.Errorf("%d bytes, truncated: %v", size(resp), resp.Truncated)
	}
	withOPT := new(miekg.Msg).SetQuestion("long.example.", miekg.TypeA).SetEdns0(600, false)
	if resp := send(t, "udp", at, withOPT); !resp.Truncated || size(resp) > 600 {
		t.Errorf("for 600 bytes: %d, truncated: %v", size(resp), resp.Truncated)
	}
	roomy := new(miekg.Msg).SetQuestion("long.example.", miekg.TypeA).SetEdns0(4096, false)
	if resp := send(t, "udp", at, roomy); resp.Truncated || len(resp.Answer) != 60 {
		t.Errorf("for 4096 bytes there are %d answers, truncated: %v", len(resp.Answer), resp.Truncated)
	}
	if resp := ask(t, "tcp", at, "long.example.", miekg.TypeA); len(resp.Answer) != 60 {
		t.Errorf("by TCP there are %d answers", len(resp.Answer))
	}
}

func TestTheNextNameServerIsAskedWhenOneFails(t *testing.T) {
	answering := func(rcode int) netip.AddrPort {
		return upstream(t, func(_ string, req *miekg.Msg) *miekg.Msg { return new(miekg.Msg).SetRcode(req, rcode) })
	}
	closed := netip.MustParseAddrPort("127.0.0.1:1")
	good := upstream(t, func(_ string, req *miekg.Msg) *miekg.Msg {
		m := new(miekg.Msg).SetReply(req)
		m.Answer = []miekg.RR{&miekg.A{Hdr: miekg.RR_Header{Name: req.Question[0].Name, Rrtype: miekg.TypeA, Class: miekg.ClassINET}, A: net.IPv4(192, 0, 2, 7)}}
		return m
	})
	failing, refusing, denying := answering(miekg.RcodeServerFailure), answering(miekg.RcodeRefused), answering(miekg.RcodeNameError)
	for _, c := range []struct {
		name    string
		servers []netip.AddrPort
		want    string
	}{
		{"nobody listens", []netip.AddrPort{closed, good}, "NOERROR 192.0.2.7"},
		{"failing", []netip.AddrPort{failing, refusing, good}, "NOERROR 192.0.2.7"},
		{"there is no such name", []netip.AddrPort{denying, good}, "NXDOMAIN"},
		{"all fail", []netip.AddrPort{failing, closed}, "SERVFAIL"},
		{"all refuse", []netip.AddrPort{refusing}, "REFUSED"},
		{"none", nil, "SERVFAIL"},
	} {
		at := serve(t, shop(), "proxy", c.servers...)
		for _, network := range []string{"udp", "tcp"} {
			if got := text(ask(t, network, at, "x.example.", miekg.TypeA)); got != c.want {
				t.Errorf("%s (%s): %q, want %q", c.name, network, got, c.want)
			}
		}
	}
}

func TestASilentNameServerDoesNotHoldUpTheNext(t *testing.T) {
	t.Parallel()
	silent := upstream(t, func(string, *miekg.Msg) *miekg.Msg { return nil })
	good := upstream(t, func(_ string, req *miekg.Msg) *miekg.Msg { return new(miekg.Msg).SetRcode(req, miekg.RcodeNameError) })
	at := serve(t, shop(), "proxy", silent, good)
	if got := text(ask(t, "udp", at, "x.example.", miekg.TypeA)); got != "NXDOMAIN" {
		t.Errorf("got %q", got)
	}
}

func TestForgedAnswersAreNotBelieved(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(_ string, req *miekg.Msg) *miekg.Msg {
		m := new(miekg.Msg).SetRcode(req, miekg.RcodeNameError)
		m.Question[0].Name = "another.example."
		return m
	})
	good := upstream(t, func(_ string, req *miekg.Msg) *miekg.Msg { return new(miekg.Msg).SetReply(req) })
	at := serve(t, shop(), "proxy", up, good)
	if got := text(ask(t, "udp", at, "x.example.", miekg.TypeA)); got != "NOERROR" {
		t.Errorf("got %q", got)
	}
}

func TestAForwarderThatCannotReadTheServersFails(t *testing.T) {
	packets, streams := sockets(t)
	s := dns.Start(context.Background(), dns.Config{
		Viewer: "proxy", Table: shop(), Packets: packets, Streams: streams,
		Forwarder: dns.NewForwarder(func() ([]netip.AddrPort, error) { return nil, errors.New("no permission") }),
	})
	defer s.Close()
	if got := text(ask(t, "udp", streams.Addr().String(), "x.example.", miekg.TypeA)); got != "SERVFAIL" {
		t.Errorf("got %q", got)
	}
	withOPT := new(miekg.Msg).SetQuestion("x.example.", miekg.TypeA).SetEdns0(1232, true)
	resp := send(t, "udp", streams.Addr().String(), withOPT)
	if opt := resp.IsEdns0(); resp.Rcode != miekg.RcodeServerFailure || opt == nil || opt.Version() != 0 || !opt.Do() {
		t.Errorf("to a client with EDNS: %v", resp)
	}
}

func TestOtherNameServersAreAskedByTheirOwnSockets(t *testing.T) {
	shared := dns.NewForwarder(func() ([]netip.AddrPort, error) { return []netip.AddrPort{noUpstream(t)}, nil })
	good := upstream(t, func(_ string, req *miekg.Msg) *miekg.Msg { return new(miekg.Msg).SetRcode(req, miekg.RcodeNameError) })
	elsewhere := netip.MustParseAddrPort("192.0.2.1:53") // only the dial function knows the way
	packets, streams := sockets(t)
	s := dns.Start(t.Context(), dns.Config{
		Viewer: "proxy", Table: shop(), Packets: packets, Streams: streams,
		Forwarder: shared.To([]netip.AddrPort{elsewhere}, func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != elsewhere.String() {
				t.Errorf("dials %s", address)
			}
			return new(net.Dialer).DialContext(ctx, network, good.String())
		}),
	})
	defer s.Close()
	for _, network := range []string{"udp", "tcp"} {
		if got := text(ask(t, network, streams.Addr().String(), "x.example.", miekg.TypeA)); got != "NXDOMAIN" {
			t.Errorf("%s: %q", network, got)
		}
	}
}
