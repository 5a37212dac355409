package forward

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/options"
)

// patience bounds the waiting for what must come.
const patience = 20 * time.Second

// source is what a container prints.
type source struct{ io.Reader }

func (source) Ack(int) error { return nil }

// notes are what the user was told.
type notes struct {
	mu   sync.Mutex
	list []string
	came chan struct{}
}

func newNotes() *notes { return &notes{came: make(chan struct{}, 100)} }

func (n *notes) add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, text)
	n.came <- struct{}{}
}

func (n *notes) all() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.list, "\n")
}

func (n *notes) await(t *testing.T) {
	t.Helper()
	select {
	case <-n.came:
	case <-time.After(patience):
		t.Fatal("the user is told nothing")
	}
}

func open(t *testing.T, c options.Forward) (*Forwarder, *notes) {
	t.Helper()
	if c.Buffer == 0 {
		c.Buffer = 1 << 20
	}
	n := newNotes()
	f, err := Open(c, n.add)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close()
		f.end()
		<-f.Done()
	})
	return f, n
}

// print has a container print text.
func print(t *testing.T, f *Forwarder, s logs.Stream, text string) {
	t.Helper()
	if _, err := io.Copy(io.Discard, f.Tee(s, source{strings.NewReader(text)})); err != nil {
		t.Fatal(err)
	}
}

// socket is a path for a socket, short enough for one.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "f")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// packets are what comes to a socket of datagrams.
func packets(t *testing.T, network, address string) (net.PacketConn, func() string) {
	t.Helper()
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, func() string {
		t.Helper()
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 256<<10)
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}

// server takes connections, and keeps what comes.
type server struct {
	net.Listener
	answer func([]byte) []byte // to each read; may be nil

	mu    sync.Mutex
	data  bytes.Buffer
	conns []net.Conn
}

func serve(t *testing.T, network, address string) *server {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l}
	go s.accept()
	t.Cleanup(s.stop)
	return s
}

func (s *server) accept() {
	for {
		conn, err := s.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.mu.Unlock()
		go s.read(conn)
	}
}

func (s *server) read(conn net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		s.mu.Lock()
		s.data.Write(buf[:n])
		answer := s.answer
		s.mu.Unlock()
		if err != nil {
			return
		}
		if answer != nil {
			if _, err := conn.Write(answer(buf[:n])); err != nil {
				return
			}
		}
	}
}

// stop ends the server with its connections.
func (s *server) stop() {
	_ = s.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
}

func (s *server) got() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data.String()
}

// await waits until the server got something with all of these in it.
func (s *server) await(t *testing.T, parts ...string) string {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		got, missing := s.got(), ""
		for _, p := range parts {
			if !strings.Contains(got, p) {
				missing = p
			}
		}
		if missing == "" {
			return got
		}
		if time.Now().After(end) {
			t.Fatalf("the server got %q, and not %q", got, missing)
		}
	}
}

var errBroken = errors.New("broken")
