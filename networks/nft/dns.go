package nft

import (
	"errors"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// dnsPort is where questions are sent to.
const dnsPort = 53

// Places in headers: of the ports and the checksums of TCP and UDP, and of the port
// that the packet was sent to that a message of ICMP quotes, behind 8 bytes of
// its own header and the 20 of a header of IPv4.
const (
	sourcePort      = 0
	destinationPort = 2
	checksumOfTCP   = 16
	checksumOfUDP   = 6
	checksumOfICMP  = 2
	quotedPort      = 8 + 20 + destinationPort
)

// RedirectDNS sends questions to 127.0.0.11:53 to the given port of that
// address, in the namespace of the calling thread. The answers come from port
// 53, as the one who asks expects, and so does the news that nobody listens. It
// can be repeated.
//
// The ports are written into the packets themselves. A translation would do the
// same, but for its sake the kernel would keep account of all connections of the
// namespace, which costs each packet of the container.
func RedirectDNS(to uint16) error {
	c, err := open()
	if err != nil {
		return err
	}
	err = transact(c.Conn, func(c *nftables.Conn) error {
		t := c.AddTable(&nftables.Table{Name: "gocompose-dns", Family: nftables.TableFamilyIPv4})
		c.FlushTable(t)
		for _, chain := range dnsChains(t, to) {
			addChain(c, t, chain)
		}
		return nil
	})
	return errors.Join(err, c.CloseLasting())
}

// dnsChains: whoever else filters in the namespace, or does keep account of
// connections, sees port 53 both ways. So questions are changed after all others
// have seen them, and answers before.
func dnsChains(t *nftables.Table, to uint16) []*chain {
	questions := &chain{
		name: "questions", kind: nftables.ChainTypeFilter,
		hook: nftables.ChainHookOutput, at: nftables.ChainPrioritySELinuxLast,
	}
	answers := &chain{
		name: "answers", kind: nftables.ChainTypeFilter,
		hook: nftables.ChainHookOutput, at: nftables.ChainPriorityRaw,
	}
	v4 := sets(t).v4
	isTo, isFrom := v4.within(resolver, v4.destination), v4.within(resolver, v4.source)
	for _, p := range []struct {
		proto    byte
		checksum uint32
	}{{unix.IPPROTO_UDP, checksumOfUDP}, {unix.IPPROTO_TCP, checksumOfTCP}} {
		questions.rule(isTo, ofProtocol(p.proto), rewritten(destinationPort, dnsPort, to, p.checksum))
		answers.rule(isFrom, ofProtocol(p.proto), rewritten(sourcePort, to, dnsPort, p.checksum))
	}
	answers.rule(isFrom, ofProtocol(unix.IPPROTO_ICMP), rewritten(quotedPort, to, dnsPort, checksumOfICMP))
	return []*chain{questions, answers}
}

// resolver is Docker's.
const resolver = "127.0.0.11/32"

func ofProtocol(number byte) []expr.Any {
	return []expr.Any{meta(expr.MetaKeyL4PROTO, reg1), equal(number)}
}

// rewritten writes another port where one is, at an offset from the beginning of
// the transport header.
func rewritten(offset uint32, port, other uint16, checksum uint32) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: reg1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2},
		equal(binaryutil.BigEndian.PutUint16(port)...),
		&expr.Immediate{Register: reg1, Data: binaryutil.BigEndian.PutUint16(other)},
		&expr.Payload{
			OperationType: expr.PayloadWrite, SourceRegister: reg1,
			Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2,
			CsumType: expr.CsumTypeInet, CsumOffset: checksum,
		},
	}
}
