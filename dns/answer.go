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
//
// Without any name servers to ask, what is not known does not exist. To say that
// it failed, or to refuse, would be to ask for more of the same: musl waits five
// seconds for something better, and glibc and Go ask again.
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
	records, found := s.records(req.Question[0])
	if found == Foreign && s.config.Forwarder != nil {
		return nil, false
	}
	resp := new(dns.Msg).SetReply(&req)
	if found != Known {
		resp.Rcode = dns.RcodeNameError
	}
	resp.Authoritative = true
	resp.RecursionAvailable = true
	resp.Compress = true
	resp.Answer = records
	if opt := req.IsEdns0(); opt != nil {
		resp.SetEdns0(maxQuery, opt.Do())
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

// records returns what the table has for a question, and what it knows of the
// name. What is of here never leaves the host, whatever type is asked for. An
// empty answer for a known name says that it has no such record, where "no such
// name" would make resolvers give up on its other addresses.
func (s *Server) records(q dns.Question) ([]dns.RR, Finding) {
	if addr, ok := reversed(q.Name); ok {
		return s.reverse(q, addr)
	}
	family := IPv4
	if q.Qtype == dns.TypeAAAA {
		family = IPv6
	}
	records, found := s.addresses(q, family)
	if q.Qtype == dns.TypeANY {
		others, _ := s.addresses(q, IPv6)
		records = append(records, others...)
	}
	return records, found
}

// addresses returns the records of one family that a question asks for.
func (s *Server) addresses(q dns.Question, family Family) (records []dns.RR, found Finding) {
	addrs, found := s.config.Table.Lookup(s.config.Viewer, q.Name, family)
	rtype := dns.TypeA
	if family == IPv6 {
		rtype = dns.TypeAAAA
	}
	if !asks(q, rtype) {
		return nil, found
	}
	rand.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
	header := dns.RR_Header{Name: q.Name, Rrtype: rtype, Class: dns.ClassINET, Ttl: ttl}
	for _, a := range addrs {
		if family == IPv6 {
			records = append(records, &dns.AAAA{Hdr: header, AAAA: a.AsSlice()})
		} else {
			records = append(records, &dns.A{Hdr: header, A: a.AsSlice()})
		}
	}
	return records, found
}

// reverse returns the record of who has an address.
func (s *Server) reverse(q dns.Question, addr netip.Addr) ([]dns.RR, Finding) {
	name, found := s.config.Table.Reverse(s.config.Viewer, addr)
	if found != Known || !asks(q, dns.TypePTR) {
		return nil, found
	}
	header := dns.RR_Header{Name: q.Name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: ttl}
	return []dns.RR{&dns.PTR{Hdr: header, Ptr: dns.Fqdn(name)}}, found
}

// asks says whether records of a type are an answer to q.
func asks(q dns.Question, rtype uint16) bool {
	return (q.Qtype == rtype || q.Qtype == dns.TypeANY) && (q.Qclass == dns.ClassINET || q.Qclass == dns.ClassANY)
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
