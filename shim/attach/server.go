package attach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"

	"github.com/gocompose/gocompose/logs"
)

const (
	// queueSize is how much of the output waits for one client, in bytes. One that
	// is further behind is cut off, or, if it is patient, waited for.
	queueSize = 1 << 20
	// maxClients bounds what clients cost a shim.
	maxClients = 32
	// helloLimit is how long a client may take to say what it wants.
	helloLimit = 10 * time.Second
	// farewell is how long a client may take to read what is left at the end.
	farewell = 5 * time.Second
)

// Server lets clients attach to one container. A nil one has none.
type Server struct {
	path     string
	listener *net.UnixListener
	input    Input
	work     sync.WaitGroup

	mu      sync.Mutex
	new     map[*net.UnixConn]bool // who has said nothing yet
	clients map[*client]bool
	space   *sync.Cond // a client has read something, or is gone
	hurried bool       // nobody is waited for any more
	over    bool       // nothing will be printed any more
	closed  bool       // nobody else is let in
	end     []byte     // the last frame
}

// Input is a container's standard input.
type Input interface {
	// Open returns what one client writes to. Writing may wait for the container,
	// but no longer than until a deadline. No standard input is fs.ErrNotExist.
	Open() (InputWriter, error)
	// End gives it its end, for good.
	End()
}

// InputWriter is described at Input.
type InputWriter interface {
	io.WriteCloser
	SetWriteDeadline(time.Time) error
}

// Listen makes the socket. Clients may come at once.
func Listen(path string, in Input) (*Server, error) {
	l, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("listening for who attaches: %w", err)
	}
	s := &Server{path: path, listener: l, input: in, new: map[*net.UnixConn]bool{}, clients: map[*client]bool{}}
	s.space = sync.NewCond(&s.mu)
	s.work.Go(s.accept)
	return s, nil
}

// accept ends with the listener.
func (s *Server) accept() {
	for {
		conn, err := s.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many files are open, say
			time.Sleep(100 * time.Millisecond)
			continue
		}
		s.work.Go(func() { s.serve(conn) })
	}
}

// serve serves a client until it leaves, or all is over.
func (s *Server) serve(conn *net.UnixConn) {
	defer conn.Close()
	buf := make([]byte, maxPayload)
	c, ok := s.meet(conn, buf)
	if !ok || !s.add(c) {
		return
	}
	defer s.remove(c)
	s.work.Go(func() { s.output(c) })
	s.read(c, buf)
}

// meet hears what a client wants.
func (s *Server) meet(conn *net.UnixConn, buf []byte) (*client, bool) {
	s.mu.Lock()
	s.new[conn] = true
	closed := s.closed
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.new, conn)
		s.mu.Unlock()
	}()
	if closed { // it came at the last moment, and Close does not know of it
		return nil, false
	}
	_ = conn.SetReadDeadline(time.Now().Add(helloLimit))
	k, options, err := readFrame(conn, buf)
	_ = conn.SetReadDeadline(time.Time{})
	if err != nil || k != hello || len(options) == 0 {
		return nil, false
	}
	return &client{
		conn: conn, patient: options[0]&bitPatient != 0, endsInput: options[0]&bitEndsInput != 0, wake: sync.NewCond(&s.mu),
	}, true
}

func (s *Server) add(c *client) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.clients) >= maxClients {
		return false
	}
	s.clients[c] = true
	c.put(frame(welcome))
	if s.over {
		c.put(s.end)
		c.last = true
	}
	return true
}

func (s *Server) remove(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeLocked(c)
}

func (s *Server) removeLocked(c *client) {
	delete(s.clients, c)
	c.gone = true
	c.wake.Signal()
	s.space.Broadcast()
}

// client is one connection. The server's lock guards it.
type client struct {
	conn    *net.UnixConn
	patient bool
	// endsInput: when it leaves, standard input has its end.
	endsInput bool
	wake      *sync.Cond // there is something to be sent, or it is gone
	queue     net.Buffers
	size      int  // of the queue, and of what is being sent
	last      bool // nothing follows what is in the queue
	gone      bool
}

func (c *client) put(parts ...[]byte) {
	for _, p := range parts {
		c.queue = append(c.queue, p)
		c.size += len(p)
	}
	c.wake.Signal()
}

// output sends what is in the client's queue until it is gone or has got the last of it.
func (s *Server) output(c *client) {
	defer c.conn.Close() // ends the reading too
	defer s.remove(c)
	for {
		s.mu.Lock()
		for len(c.queue) == 0 && !c.last && !c.gone {
			c.wake.Wait()
		}
		batch, size := c.queue, 0
		for _, b := range batch {
			size += len(b)
		}
		c.queue = nil
		gone, last := c.gone, c.last
		s.mu.Unlock()
		if gone && !last {
			return
		}
		if _, err := batch.WriteTo(c.conn); err != nil || last {
			return
		}
		s.mu.Lock()
		c.size -= size
		s.space.Broadcast()
		s.mu.Unlock()
	}
}

// read takes the client's frames until it leaves.
func (s *Server) read(c *client, buf []byte) {
	to := &inputWriter{conn: c.conn, input: s.input}
	defer func() {
		to.close()
		if c.endsInput {
			s.input.End()
		}
	}()
	for {
		k, data, err := readFrame(c.conn, buf)
		if err != nil {
			return
		}
		switch k {
		case input:
			err = to.write(data)
		case inputEnd:
			s.input.End()
			c.endsInput = false // it has
		}
		if err != nil {
			return
		}
	}
}

// publish gives what was printed to all clients. It waits for none.
func (s *Server) publish(stream logs.Stream, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.clients) == 0 {
		return
	}
	k := stdout
	if stream == logs.Stderr {
		k = stderr
	}
	var parts [][]byte // which all clients share
	for len(data) > 0 {
		n := min(len(data), maxPayload)
		parts = append(parts, append(appendHead(make([]byte, 0, headSize+n), k, n), data[:n]...))
		data = data[n:]
	}
	for c := range s.clients {
		switch {
		case c.last:
		case !c.patient && c.size > queueSize:
			c.put(frame(cut))
			c.last = true
		default:
			c.put(parts...)
		}
	}
}

// await waits until no patient client is too far behind.
func (s *Server) await() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.behind() && !s.hurried {
		s.space.Wait()
	}
}

func (s *Server) behind() bool {
	for c := range s.clients {
		if c.patient && c.size > queueSize {
			return true
		}
	}
	return false
}

// Patient tells whether there is a client that the output waits for.
func (s *Server) Patient() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		if c.patient && !s.hurried {
			return true
		}
	}
	return false
}

// Tee returns a reader of what r reads, of which clients get a copy.
func (s *Server) Tee(stream logs.Stream, r logs.Acknowledger) logs.Acknowledger {
	if s == nil {
		return r
	}
	return &tee{Acknowledger: r, server: s, stream: stream}
}

type tee struct {
	logs.Acknowledger
	server *Server
	stream logs.Stream
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.Acknowledger.Read(p)
	if n > 0 {
		t.server.publish(t.stream, p[:n])
	}
	return n, err
}

// Ack waits, once what was read is in the log, for those who want to be waited for.
func (t *tee) Ack(n int) error {
	err := t.Acknowledger.Ack(n)
	t.server.await()
	return err
}

// Hurry has nobody waited for any more.
func (s *Server) Hurry() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hurried = true
	s.space.Broadcast()
}

// Exited tells the clients the exit code, after all that was printed. They leave
// then, and later ones hear the same.
func (s *Server) Exited(code int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.over, s.end = true, exitFrame(code)
	for c := range s.clients {
		if !c.last {
			c.put(s.end)
			c.last = true
		}
	}
}

// Withdraw takes the socket away: nobody else can attach.
func (s *Server) Withdraw() error {
	if s == nil {
		return nil
	}
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Close sends the clients what is left for them, as far as they take it in a short
// time, and ends the connections. It must come after Withdraw.
func (s *Server) Close(ctx context.Context) {
	if s == nil {
		return
	}
	until := time.Now().Add(farewell)
	if d, ok := ctx.Deadline(); ok && d.Before(until) {
		until = d
	}
	s.mu.Lock()
	s.closed = true
	for conn := range s.new {
		_ = conn.Close()
	}
	for c := range s.clients {
		c.last = true
		c.wake.Signal()
		_ = c.conn.SetDeadline(until)
	}
	s.mu.Unlock()
	s.work.Wait()
}
