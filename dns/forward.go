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
	errNoUpstream = errors.New("there is no name server to ask")
	errTooMany    = errors.New("too many queries wait for name servers")
)

// Dial makes the socket for one query to the name server at address: an IP
// address and a port. network is "udp" or "tcp".
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Forwarder passes queries on to name servers, unchanged. It is safe for
// concurrent use, and meant to be shared by all that ask the same ones.
type Forwarder struct {
	servers func() ([]netip.AddrPort, error)
	dial    Dial
	timeout time.Duration
	slots   chan struct{}
	now     func() time.Time
	memory  *memory
}

// NewForwarder returns a forwarder to the name servers that the function
// returns when it is called, which is once a query. Its sockets are made in the
// network namespace of the process.
func NewForwarder(servers func() ([]netip.AddrPort, error)) *Forwarder {
	return &Forwarder{
		servers: servers,
		dial:    new(net.Dialer).DialContext,
		timeout: upstreamTimeout,
		slots:   make(chan struct{}, maxForwards),
		now:     time.Now,
		memory:  new(memory),
	}
}

// To returns a forwarder to other name servers, whose sockets are made by dial.
// It shares with f the bound of what is open at once.
func (f *Forwarder) To(servers []netip.AddrPort, dial Dial) *Forwarder {
	to := *f
	to.servers = func() ([]netip.AddrPort, error) { return servers, nil }
	to.dial, to.memory = dial, new(memory)
	return &to
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
	silent := false
	err = errNoUpstream
	for _, server := range f.memory.order(servers, f.now()) {
		var reply []byte
		reply, err = f.ask(ctx, network, server, query)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			silent = silent || isTimeout(err)
			continue
		}
		if silent || server == servers[0] {
			f.memory.answered(server, f.now())
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

// isTimeout tells silence from errors that cost no time.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// ask asks one server. The ID it sees is random and the socket is new, so that
// nobody else can guess what to answer.
func (f *Forwarder) ask(ctx context.Context, network string, server netip.AddrPort, query []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	conn, err := f.dial(ctx, network, server.String())
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
