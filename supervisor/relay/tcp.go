package relay

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// dialTimeout is for reaching the target, which is on this machine.
	dialTimeout = 10 * time.Second
	// maxConnections bounds the connections that one listener has open.
	maxConnections = 4096
)

// TCP passes each connection to l on to the target until Close, which closes
// l too. When one side has nothing more to say, the other one hears so, and can
// still answer.
func TCP(ctx context.Context, l *net.TCPListener, target netip.AddrPort) *Relay {
	ctx, cancel := context.WithCancel(ctx)
	r := &Relay{cancel: cancel, close: l.Close}
	r.work.Go(func() { r.accept(ctx, l, target) })
	return r
}

func (r *Relay) accept(ctx context.Context, l *net.TCPListener, target netip.AddrPort) {
	slots := make(chan struct{}, maxConnections)
	for {
		client, err := l.AcceptTCP()
		if err != nil {
			if again(ctx, err) {
				continue
			}
			return
		}
		select {
		case slots <- struct{}{}:
		default:
			reset(client)
			continue
		}
		r.work.Go(func() {
			defer func() { <-slots }()
			connect(ctx, client, target)
		})
	}
}

// connect passes one connection on.
func connect(ctx context.Context, client *net.TCPConn, target netip.AddrPort) {
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", target.String())
	if err != nil {
		reset(client) // as the target would have done
		return
	}
	server := conn.(*net.TCPConn)
	end := func() {
		client.Close()
		server.Close()
	}
	defer end()
	defer context.AfterFunc(ctx, end)()
	var half sync.WaitGroup
	half.Go(func() { pass(server, client) })
	pass(client, server)
	half.Wait()
}

// pass copies one direction, in the kernel (splice(2)). When it breaks, both
// connections are over.
func pass(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil || to.CloseWrite() != nil {
		reset(to)
		reset(from)
	}
}

// reset closes a connection so that its other end sees that it broke.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
