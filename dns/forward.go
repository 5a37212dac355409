package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"
)

const (
	// upstreamTimeout is for one name server. Resolvers of containers wait five
	// seconds by default (resolv.conf(5)); two servers fit into that.
	upstreamTimeout = 2 * time.Second
	// maxForwards is how many forwarded queries may be open at once.
	maxForwards = 512
	// maxDatagram is the largest datagram taken from an upstream. A longer
	// answer is passed on as truncated, and asked for again by TCP.
	maxDatagram = 4096
)

var (
	errNoUpstream = errors.New("the host has no name server")
	errTooMany    = errors.New("too many queries wait for name servers")
)

// Forwarder passes queries on to the host's name servers, unchanged. Its
// sockets are made in the network namespace of the caller. It is safe for
// concurrent use, and meant to be shared.
type Forwarder struct {
	servers func() ([]netip.AddrPort, error)
	timeout time.Duration
	slots   chan struct{}
}

// NewForwarder returns a forwarder to the name servers that the function
// returns when it is called, which is once a query.
func NewForwarder(servers func() ([]netip.AddrPort, error)) *Forwarder {
	return &Forwarder{servers: servers, timeout: upstreamTimeout, slots: make(chan struct{}, maxForwards)}
}

// exchange asks one name server after the other until one has an answer, and
// returns that as it came, under the query's ID. network is "udp" or "tcp".
func (f *Forwarder) exchange(ctx context.Context, network string, query []byte) ([]byte, error) {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	default:
		return nil, errTooMany
	}
	servers, err := f.servers()
	if err != nil {
		return nil, err
	}
	var last []byte
	err = errNoUpstream
	for _, server := range servers {
		var reply []byte
		reply, err = f.ask(ctx, network, server, query)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue
		}
		if conclusive(reply) {
			return reply, nil
		}
		last = reply
	}
	if last != nil {
		return last, nil
	}
	return nil, err
}

// ask asks one server. The ID it sees is random and the socket is new, so that
// nobody else can guess what to answer.
func (f *Forwarder) ask(ctx context.Context, network string, server netip.AddrPort, query []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	sent := append([]byte(nil), query...)
	binary.BigEndian.PutUint16(sent, uint16(rand.Uint32()))
	read := readDatagram
	if network == "tcp" {
		read = readFrame
		sent = frame(sent)
	}
	if _, err := conn.Write(sent); err != nil {
		return nil, err
	}
	if network == "tcp" {
		sent = sent[2:]
	}
	for {
		reply, err := read(conn)
		if err != nil {
			return nil, fmt.Errorf("asking %s: %w", server, err)
		}
		if answers(reply, sent) {
			copy(reply, query[:2])
			return reply, nil
		}
	}
}

func readDatagram(conn net.Conn) ([]byte, error) {
	buf := make([]byte, maxDatagram+1)
	n, err := conn.Read(buf)
	if err != nil {
		return nil, err
	}
	if n > maxDatagram {
		return truncated(buf[:n]), nil
	}
	return buf[:n], nil
}
