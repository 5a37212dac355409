package relay

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// dialTimeout is for reaching the target, which is on this machine.
	dialTimeout = 10 * time.Second
	// maxConnections bounds the connections that one listener has open.
	maxConnections = 4096
)

// TCP passes each connection to l on to the next target until Close, which
// closes l too. When one side has nothing more to say, the other one hears so,
// and can still answer.
func TCP(ctx context.Context, l *net.TCPListener, to *Targets) *Relay {
	ctx, cancel := context.WithCancel(ctx)
	r := &Relay{cancel: cancel, close: l.Close}
	r.work.Go(func() { r.accept(ctx, l, to) })
	return r
}

func (r *Relay) accept(ctx context.Context, l *net.TCPListener, to *Targets) {
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
			passOn(ctx, client, to)
		})
	}
}

// passOn passes one connection on to the first target that takes it.
func passOn(ctx context.Context, client *net.TCPConn, to *Targets) {
	for _, t := range to.next() {
		err := t.connect(ctx, client)
		if err == nil {
			return
		}
		if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
			break // so long nobody waits twice
		}
	}
	reset(client) // as the target would have done
}

// errGone: the target was removed meanwhile.
var errGone = errors.New("the target has gone")

// connect passes one connection on, and returns when it is over. With an error,
// nothing was.
func (t *Target) connect(ctx context.Context, client *net.TCPConn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := t.begin(cancel)
	if p == nil {
		return errGone
	}
	defer t.end(p)
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", t.addr.String())
	if err != nil {
		return err
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
	return nil
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
