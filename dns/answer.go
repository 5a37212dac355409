package dns

import (
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// ttl is how long an answer may be kept, in seconds. Containers come and go
// with their addresses, so it is about as long as one connection takes to make.
const ttl = 1

// answer answers a query from the table. local is false when it is for the
// name servers to answer; a nil reply to a local one is silence.
func (s *Server) answer(network string, query []byte) (reply []byte, local bool) {
	if len(query) < headerSize || query[2]&flagReply != 0 {
		return nil, true // two servers that answer replies never stop
	}
	if query[2]&maskOpcode != 0 {
		return failure(query, dns.RcodeNotImplemented), true
	}
	var req dns.Msg
	if err := req.Unpack(query); err != nil || len(req.Question) != 1 {
		return failure(query, dns.RcodeFormatError), true
	}
	records, known := s.records(req.Question[0])
	if !known {
		return nil, false
	}
	resp := new(dns.Msg).SetReply(&req)
	resp.Authoritative = true
	resp.RecursionAvailable = true
	resp.Compress = true
	resp.Answer = records
	if opt := req.IsEdns0(); opt != nil {
		resp.SetEdns0(maxQuery, false)
		if opt.Version() != 0 {
			resp.Answer = nil
			resp.Rcode = dns.RcodeBadVers
		}
	}
	if network == "udp" {
		resp.Truncate(replySize(&req))
	}
	packed, err := resp.Pack()
	if err != nil {
		return failure(query, dns.RcodeServerFailure), true
	}
	return packed, true
}

// records returns what the table has for a question; known is false when the
// table has nothing to say. A known name never leaves the host, whatever type
// is asked for: an empty answer then says that the name has no such record,
// where "no such name" would make resolvers give up on its other addresses.
func (s *Server) records(q dns.Question) (records []dns.RR, known bool) {
	if q.Qclass != dns.ClassINET && q.Qclass != dns.ClassANY {
		return nil, false
	}
	header := dns.RR_Header{Name: q.Name, Class: dns.ClassINET, Ttl: ttl}
	if q.Qtype == dns.TypePTR {
		addr, ok := reversed(q.Name)
		if name := s.config.Table.Reverse(s.config.Viewer, addr); ok && name != "" {
			header.Rrtype = dns.TypePTR
			return []dns.RR{&dns.PTR{Hdr: header, Ptr: dns.Fqdn(name)}}, true
		}
	}
	family := IPv4
	if q.Qtype == dns.TypeAAAA {
		family = IPv6
	}
	addrs, known := s.config.Table.Lookup(s.config.Viewer, q.Name, family)
	rand.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
	for _, a := range addrs {
		switch q.Qtype {
		case dns.TypeA, dns.TypeANY:
			header.Rrtype = dns.TypeA
			records = append(records, &dns.A{Hdr: header, A: a.AsSlice()})
		case dns.TypeAAAA:
			header.Rrtype = dns.TypeAAAA
			records = append(records, &dns.AAAA{Hdr: header, AAAA: a.AsSlice()})
		}
	}
	return records, known
}

// replySize is how long a datagram the sender of req takes (RFC 6891, 6.2.3).
func replySize(req *dns.Msg) int {
	if opt := req.IsEdns0(); opt != nil {
		return min(max(int(opt.UDPSize()), dns.MinMsgSize), maxDatagram)
	}
	return dns.MinMsgSize
}

// reversed returns the address that a name of reverse look-up stands for
// (RFC 1035, 3.5; RFC 3596, 2.5).
func reversed(name string) (netip.Addr, bool) {
	name = canonical(name)
	if v4, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		labels := strings.Split(v4, ".")
		slices.Reverse(labels)
		addr, err := netip.ParseAddr(strings.Join(labels, "."))
		return addr, err == nil && addr.Is4()
	}
	v6, ok := strings.CutSuffix(name, ".ip6.arpa")
	if !ok || len(v6) != 63 {
		return netip.Addr{}, false
	}
	nibbles := strings.Split(v6, ".")
	slices.Reverse(nibbles)
	raw, err := hex.DecodeString(strings.Join(nibbles, ""))
	if err != nil || len(raw) != 16 {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(raw)
}
