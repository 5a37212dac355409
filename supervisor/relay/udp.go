package relay

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

const (
	// udpIdle is how long a client and the target may both be silent before the
	// target sees the client come from another port. Docker's value.
	udpIdle = 90 * time.Second
	// maxSessions bounds the clients that one socket remembers. While it has
	// that many, packets of others are dropped.
	maxSessions = 1024
	maxDatagram = 1 << 16
	maxControl  = 128
)

// udp passes datagrams on. Buffers are taken only when there is something to
// read: the waiting, which most sockets do most of the time, is free.
type udp struct {
	conn    *net.UDPConn
	raw     syscall.RawConn
	to      *Targets
	idle    time.Duration
	buffers sync.Pool // of *[maxDatagram]byte

	mu       sync.Mutex
	sessions map[session]*net.UDPConn
}

// session is one client that talks to one address of the host.
type session struct {
	client netip.AddrPort
	host   netip.Addr
}

// UDP passes each datagram to conn on, all of one client to the same target, and
// the answers back to whom they belong, until Close, which closes conn too.
func UDP(ctx context.Context, conn *net.UDPConn, to *Targets) (*Relay, error) {
	return startUDP(ctx, &udp{conn: conn, to: to, idle: udpIdle})
}

func startUDP(ctx context.Context, u *udp) (*Relay, error) {
	raw, err := u.conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	if err := askForHostAddress(u.conn); err != nil {
		return nil, err
	}
	u.raw, u.sessions = raw, map[session]*net.UDPConn{}
	u.buffers.New = func() any { return new([maxDatagram]byte) }
	ctx, cancel := context.WithCancel(ctx)
	r := &Relay{cancel: cancel, close: u.conn.Close}
	r.work.Go(func() { u.receive(ctx, r) })
	return r, nil
}

// receive takes the datagrams of clients.
func (u *udp) receive(ctx context.Context, r *Relay) {
	for {
		if err := u.receiveOne(ctx, r); err != nil && !again(ctx, err) {
			return
		}
	}
}

func (u *udp) receiveOne(ctx context.Context, r *Relay) error {
	if err := waitReadable(u.raw); err != nil {
		return err
	}
	buf := u.buffers.Get().(*[maxDatagram]byte)
	defer u.buffers.Put(buf)
	var control [maxControl]byte
	n, cn, _, client, err := u.conn.ReadMsgUDPAddrPort(buf[:], control[:])
	if err != nil {
		return err
	}
	server := u.server(ctx, r, session{client, hostAddress(control[:cn])})
	if server != nil {
		// A target that does not listen is a lost packet, as ever with UDP.
		_, _ = server.Write(buf[:n])
	}
	return nil
}

// server returns the socket on which the target sees the client, or nil when
// there can be none.
func (u *udp) server(ctx context.Context, r *Relay, s session) *net.UDPConn {
	u.mu.Lock()
	defer u.mu.Unlock()
	server := u.sessions[s]
	if server == nil {
		if len(u.sessions) >= maxSessions {
			return nil
		}
		for _, t := range u.to.next() {
			if server = u.begin(ctx, r, s, t); server != nil {
				break
			}
		}
		if server == nil {
			return nil
		}
	}
	_ = server.SetReadDeadline(time.Now().Add(u.idle))
	return server
}

// begin has the client talk to a target, or returns nil when it cannot. The
// caller has the mutex.
func (u *udp) begin(ctx context.Context, r *Relay, s session, t *Target) *net.UDPConn {
	ctx, cancel := context.WithCancel(ctx)
	p := t.begin(cancel)
	if p == nil {
		cancel()
		return nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, "udp", t.addr.String())
	if err != nil {
		cancel()
		t.end(p)
		return nil
	}
	server := conn.(*net.UDPConn)
	u.sessions[s] = server
	r.work.Go(func() {
		defer t.end(p)
		defer cancel()
		u.answer(ctx, s, server, t)
	})
	return server
}

// answer passes the target's datagrams back to the client until both have been
// silent for long enough. One that does not listen keeps a client only if there
// is no other.
func (u *udp) answer(ctx context.Context, s session, server *net.UDPConn, t *Target) {
	defer context.AfterFunc(ctx, func() { server.Close() })()
	defer u.forget(s, server)
	raw, err := server.SyscallConn()
	for err == nil {
		err = u.answerOne(s, server, raw)
		if errors.Is(err, syscall.ECONNREFUSED) && t.alone() {
			err = nil
		}
	}
}

func (u *udp) answerOne(s session, server *net.UDPConn, raw syscall.RawConn) error {
	if err := waitReadable(raw); err != nil {
		return err
	}
	buf := u.buffers.Get().(*[maxDatagram]byte)
	defer u.buffers.Put(buf)
	n, err := server.Read(buf[:])
	if err != nil {
		return err
	}
	if err := server.SetReadDeadline(time.Now().Add(u.idle)); err != nil {
		return err
	}
	_, _, err = u.conn.WriteMsgUDPAddrPort(buf[:n], fromHostAddress(s.host), s.client)
	if err != nil { // sent to a broadcast address, from which nothing can come
		_, _, _ = u.conn.WriteMsgUDPAddrPort(buf[:n], nil, s.client)
	}
	return nil
}

func (u *udp) forget(s session, server *net.UDPConn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.sessions, s)
	server.Close()
}

// waitReadable returns when there is a datagram to read, or an error pending.
func waitReadable(raw syscall.RawConn) error {
	var failed error
	err := raw.Read(func(fd uintptr) bool {
		_, _, failed = unix.Recvfrom(int(fd), nil, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return !errors.Is(failed, unix.EAGAIN)
	})
	if err != nil {
		return err
	}
	return failed
}

// askForHostAddress has each datagram say which of the host's addresses it was
// sent to: the answer must come from there.
func askForHostAddress(c *net.UDPConn) error {
	if c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().Is4() {
		return ipv4.NewPacketConn(c).SetControlMessage(ipv4.FlagDst, true)
	}
	return ipv6.NewPacketConn(c).SetControlMessage(ipv6.FlagDst, true)
}

func hostAddress(control []byte) netip.Addr {
	var v4 ipv4.ControlMessage
	if v4.Parse(control) == nil && v4.Dst != nil {
		addr, _ := netip.AddrFromSlice(v4.Dst)
		return addr.Unmap()
	}
	var v6 ipv6.ControlMessage
	if v6.Parse(control) == nil && v6.Dst != nil {
		addr, _ := netip.AddrFromSlice(v6.Dst)
		return addr
	}
	return netip.Addr{}
}

func fromHostAddress(addr netip.Addr) []byte {
	switch {
	case addr.Is4():
		return (&ipv4.ControlMessage{Src: addr.AsSlice()}).Marshal()
	case addr.Is6():
		return (&ipv6.ControlMessage{Src: addr.AsSlice()}).Marshal()
	}
	return nil
}
