package dns

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	// maxQuery is the longest query taken by UDP. Queries are short; what is
	// longer is no query, or can come by TCP.
	maxQuery = 4096
	// maxPending and maxStreams bound what one container can have under way:
	// queries that wait for a name server, and TCP connections.
	maxPending = 128
	maxStreams = 32
	// streamIdle is how long a TCP connection may say nothing (RFC 7766, 6.2.3:
	// of the order of seconds).
	streamIdle = 8 * time.Second
	// acceptPause is how long a socket rests after an error that is not its end:
	// the process is out of file descriptors, mostly.
	acceptPause = 50 * time.Millisecond
)

// Config is what a server needs.
type Config struct {
	// Viewer is the ID of the host that asks, in Table.
	Viewer string
	Table  *Table
	// Forwarder is asked for what Table does not know. Nil: nobody is, and there
	// are no other names.
	Forwarder *Forwarder
	// Packets and Streams are the sockets that are served, usually one port of
	// 127.0.0.11 in the viewer's network namespace. The server closes them.
	Packets net.PacketConn
	Streams net.Listener
}

// Server answers the queries of one container.
type Server struct {
	config  Config
	cancel  context.CancelFunc
	work    sync.WaitGroup
	pending chan struct{}
	streams chan struct{}
}

// Start serves until Close. What has been started ends with ctx too, but the
// sockets are released by Close only.
func Start(ctx context.Context, c Config) *Server {
	ctx, cancel := context.WithCancel(ctx)
	s := &Server{
		config:  c,
		cancel:  cancel,
		pending: make(chan struct{}, maxPending),
		streams: make(chan struct{}, maxStreams),
	}
	s.work.Go(func() { s.servePackets(ctx) })
	s.work.Go(func() { s.serveStreams(ctx) })
	return s
}

// Close releases the sockets and returns when nothing of the server runs any
// more: then nothing of it keeps a network namespace alive.
func (s *Server) Close() error {
	s.cancel()
	err := errors.Join(s.config.Packets.Close(), s.config.Streams.Close())
	s.work.Wait()
	return err
}

func (s *Server) servePackets(ctx context.Context) {
	buf := make([]byte, maxQuery)
	for {
		n, client, err := s.config.Packets.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			if !pause(ctx) {
				return
			}
			continue
		}
		query := buf[:n]
		reply, local := s.answer("udp", query)
		if local {
			s.send(reply, client)
			continue
		}
		select {
		case s.pending <- struct{}{}:
		default:
			s.send(failure(query, dns.RcodeServerFailure), client)
			continue
		}
		query = append([]byte(nil), query...)
		s.work.Go(func() {
			defer func() { <-s.pending }()
			s.send(s.forward(ctx, "udp", query), client)
		})
	}
}

// send writes one datagram. A client that is gone hears nothing, as ever with
// UDP, so there is nobody to tell of an error.
func (s *Server) send(reply []byte, client net.Addr) {
	if reply != nil {
		_, _ = s.config.Packets.WriteTo(reply, client)
	}
}

func (s *Server) serveStreams(ctx context.Context) {
	for {
		conn, err := s.config.Streams.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			if !pause(ctx) {
				return
			}
			continue
		}
		select {
		case s.streams <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		s.work.Go(func() {
			defer func() { <-s.streams }()
			s.serveStream(ctx, conn)
		})
	}
}

// serveStream answers one query after the other, until the client has no more
// or says nothing for too long.
func (s *Server) serveStream(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	for {
		if conn.SetDeadline(time.Now().Add(streamIdle)) != nil {
			return
		}
		query, err := readFrame(conn)
		if err != nil {
			return
		}
		reply, local := s.answer("tcp", query)
		if !local {
			reply = s.forward(ctx, "tcp", query)
		}
		if reply == nil {
			return
		}
		if _, err := conn.Write(frame(reply)); err != nil {
			return
		}
	}
}

// forward has a query answered by name servers outside.
func (s *Server) forward(ctx context.Context, network string, query []byte) []byte {
	reply, err := s.config.Forwarder.exchange(ctx, network, query)
	if err != nil {
		return failure(query, dns.RcodeServerFailure)
	}
	if network == "udp" && len(reply) > datagramLimit(query) {
		return truncated(reply)
	}
	return reply
}

// datagramLimit is how long a datagram who sent query takes.
func datagramLimit(query []byte) int {
	var msg dns.Msg
	if msg.Unpack(query) != nil {
		return dns.MinMsgSize
	}
	return replySize(&msg)
}

func pause(ctx context.Context) bool {
	t := time.NewTimer(acceptPause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
