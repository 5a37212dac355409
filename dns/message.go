package dns

import (
	"encoding/binary"
	"errors"
	"io"
	"net"

	"github.com/miekg/dns"
)

// headerSize is the size of a message's header, and the flags are those of its
// third and fourth byte (RFC 1035, 4.1.1).
const (
	headerSize    = 12
	flagReply     = 0x80 // third byte
	flagTruncated = 0x02 // third byte
	flagRecursion = 0x01 // third byte
	flagOffered   = 0x80 // fourth byte: recursion is available
	maskOpcode    = 0x78 // third byte
	maskRcode     = 0x0f // fourth byte

	flagDo = 1 << 15 // of the four bytes of EDNS: who sent it knows DNSSEC (RFC 6891, 6.1.3)
)

var errShort = errors.New("message is cut short")

// question returns the first question of a message, and where it ends.
func question(msg []byte) (dns.Question, int, error) {
	name, off, err := dns.UnpackDomainName(msg, headerSize)
	if err != nil {
		return dns.Question{}, 0, err
	}
	if len(msg) < off+4 {
		return dns.Question{}, 0, errShort
	}
	q := dns.Question{Name: name, Qtype: binary.BigEndian.Uint16(msg[off:]), Qclass: binary.BigEndian.Uint16(msg[off+2:])}
	return q, off + 4, nil
}

// bare returns a message of a header and the first question of msg, when it
// has a sound one.
func bare(msg []byte) []byte {
	end := headerSize
	if binary.BigEndian.Uint16(msg[4:]) > 0 {
		if _, off, err := question(msg); err == nil {
			end = off
		}
	}
	out := append([]byte(nil), msg[:end]...)
	clear(out[4:headerSize])
	if end > headerSize {
		out[5] = 1
	}
	return out
}

// failure returns the reply to query that says no more than that it failed.
func failure(query []byte, rcode int) []byte {
	out := bare(query)
	out[2] = out[2]&(maskOpcode|flagRecursion) | flagReply
	out[3] = flagOffered | byte(rcode)
	return likewise(out, query)
}

// truncated returns reply without its records, marked so that who asked asks
// again by TCP.
func truncated(reply []byte) []byte {
	out := bare(reply)
	out[2] |= flagTruncated
	return likewise(out, reply)
}

// likewise adds to a message without records that its sender knows EDNS, when
// msg says so: a reply to who does must (RFC 6891, 6.1.1).
func likewise(out, msg []byte) []byte {
	var m dns.Msg
	if m.Unpack(msg) != nil {
		return out
	}
	opt := m.IsEdns0()
	if opt == nil {
		return out
	}
	out[11] = 1
	out = append(out, 0, 0, byte(dns.TypeOPT))
	out = binary.BigEndian.AppendUint16(out, maxQuery)
	var flags uint32
	if opt.Do() {
		flags = flagDo
	}
	out = binary.BigEndian.AppendUint32(out, flags)
	return append(out, 0, 0)
}

// conclusive says whether a reply ends the search: one that the server was
// unable or unwilling to give does not.
func conclusive(reply []byte) bool {
	switch int(reply[3] & maskRcode) {
	case dns.RcodeServerFailure, dns.RcodeRefused, dns.RcodeNotImplemented:
		return false
	}
	return true
}

// answers says whether reply is one to query: the ID and the question are the
// same, and it is a reply. A server that sends no question back, as for some
// errors, is believed.
func answers(reply, query []byte) bool {
	if len(reply) < headerSize || reply[0] != query[0] || reply[1] != query[1] || reply[2]&flagReply == 0 {
		return false
	}
	if binary.BigEndian.Uint16(reply[4:]) == 0 {
		return reply[3]&maskRcode != dns.RcodeSuccess || reply[2]&flagTruncated != 0
	}
	got, _, err := question(reply)
	if err != nil {
		return false
	}
	want, _, err := question(query)
	return err == nil && canonical(got.Name) == canonical(want.Name) && got.Qtype == want.Qtype && got.Qclass == want.Qclass
}

// frame puts the length of a message before it (RFC 1035, 4.2.2).
func frame(msg []byte) []byte {
	return append(binary.BigEndian.AppendUint16(make([]byte, 0, len(msg)+2), uint16(len(msg))), msg...)
}

func readFrame(conn net.Conn) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	msg := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(conn, msg)
	return msg, err
}
