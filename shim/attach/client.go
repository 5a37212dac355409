package attach

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

var (
	// ErrCut: the client has not read fast enough, and the container has not waited
	// for it.
	ErrCut = errors.New("the output came faster than it was read, so the rest is left out")
	// ErrLost: the shim is gone, and the container with it.
	ErrLost = errors.New("the connection to the container was lost")
)

// Client is a connection to a container's streams. Output is for one goroutine,
// the other methods for any.
type Client struct {
	conn   *net.UnixConn
	reader *bufio.Reader
	buf    []byte

	writing sync.Mutex
	head    []byte
}

// Options of a client.
type Options struct {
	// Patient: nothing is left out, however slowly the client reads: the container
	// waits for it, as in a pipe.
	Patient bool
}

// Dial connects to the socket at path. When it returns, nothing that is printed
// from then on is missed. It fails like a connection, if there is none to be had.
func Dial(ctx context.Context, path string, o Options) (*Client, error) {
	conn, err := dial(ctx, path)
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn, reader: bufio.NewReaderSize(conn, maxPayload), buf: make([]byte, maxPayload)}
	if err := c.greet(ctx, o); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

func (c *Client) greet(ctx context.Context, o Options) error {
	defer context.AfterFunc(ctx, func() { _ = c.conn.Close() })()
	var bits byte
	if o.Patient {
		bits |= bitPatient
	}
	if err := c.send(hello, []byte{bits}); err != nil {
		return err
	}
	for {
		k, _, err := readFrame(c.reader, c.buf)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
		if k == welcome {
			return nil
		}
	}
}

// Close ends the connection: Output returns.
func (c *Client) Close() error { return c.conn.Close() }

// Output writes what the container prints until its process has ended, and returns
// that one's exit code. A terminal prints to out alone. An error is that of a
// writer, ErrCut, ErrLost, or that of a connection that was closed.
func (c *Client) Output(out, errs io.Writer) (code int, err error) {
	for {
		k, data, err := readFrame(c.reader, c.buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return 0, err
		case err != nil:
			return 0, fmt.Errorf("%w: %w", ErrLost, err)
		}
		switch k {
		case stdout:
			_, err = out.Write(data)
		case stderr:
			_, err = errs.Write(data)
		case cut:
			err = ErrCut
		case exit:
			return exitCode(data)
		}
		if err != nil {
			return 0, err
		}
	}
}

// Write writes to the container's standard input. It waits for the container to
// read; without standard input nothing comes of it.
func (c *Client) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		part := p[:min(len(p), maxPayload)]
		if err = c.send(input, part); err == nil {
			n += len(part)
			p = p[len(part):]
		}
	}
	return n, err
}

// EndInput gives the container's standard input its end, for all clients and for
// good. A terminal's has none.
func (c *Client) EndInput() error { return c.send(inputEnd, nil) }

func (c *Client) send(k kind, payload []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.head = appendHead(c.head[:0], k, len(payload))
	parts := net.Buffers{c.head, payload}
	_, err := parts.WriteTo(c.conn)
	return err
}
