// Package forward sends what a container prints to a log server.
//
// It never holds up who prints: lines that cannot be sent wait in a buffer of
// bounded size, and those that do not fit are counted. The server is tried again
// for as long as the container is there.
package forward

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/options"
)

const (
	// firstPause and lastPause bound the time between two tries; it doubles.
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
	// dialLimit and writeLimit bound how long a server that does not answer is
	// waited for.
	dialLimit  = 5 * time.Second
	writeLimit = 10 * time.Second
	// farewell is how long lines that are left at the end are tried to be sent.
	farewell = 2 * time.Second
)

// Message is one line, or a piece of one.
type Message struct {
	Stream logs.Stream
	Time   time.Time
	Line   []byte // without its newline
	Piece  Piece
}

// Piece says which piece of a long line a message is; zero: a whole line.
type Piece struct {
	Of      uint64 // the same for all pieces of a line; not 0
	Ordinal int    // from 1
	Last    bool
}

// size is what a message counts in the buffer.
func (m Message) size() int64 { return int64(len(m.Line)) + 64 }

// sender is a connection to a server.
type sender interface {
	// send sends the batch. When it fails, the connection is of no use, and so many
	// messages need not be sent again.
	send(batch []Message) (sent int, err error)
	io.Closer
}

// dialer makes connections of one kind.
type dialer interface {
	dial(context.Context) (sender, error)
}

// Forwarder sends what it is given. Its methods may be called from several
// goroutines.
type Forwarder struct {
	config options.Forward
	dialer dialer
	queue  *queue
	// note tells the user what cannot be sent; it is called from one goroutine.
	note func(string)
	end  context.CancelFunc
	done chan struct{}
}

// Open begins to forward. Nothing need be there to forward to. note is told, in one
// line each, that lines cannot be sent, and how many were lost.
func Open(c options.Forward, note func(string)) (*Forwarder, error) {
	d, err := newDialer(c)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	f := &Forwarder{config: c, dialer: d, queue: newQueue(c.Buffer), note: note, end: end, done: make(chan struct{})}
	go f.run(ctx) // ends after Close, which says so by way of done
	return f, nil
}

func newDialer(c options.Forward) (dialer, error) {
	switch c.Driver {
	case options.Journald:
		return newJournal(c), nil
	case options.Syslog:
		return newSyslog(c)
	case options.Fluentd:
		return newFluentd(c)
	default:
		return nil, fmt.Errorf("there is no log driver %q", c.Driver)
	}
}

// Close has what is left sent, for a short time at most, and returns at once. Done
// is closed when that is over.
func (f *Forwarder) Close() {
	f.queue.close()
	time.AfterFunc(farewell, f.end)
}

// Done is described at Close.
func (f *Forwarder) Done() <-chan struct{} { return f.done }

// run sends batches until the queue is closed and empty, or ctx ends.
func (f *Forwarder) run(ctx context.Context) {
	defer close(f.done)
	defer f.end()
	c := connection{Forwarder: f}
	defer func() { _ = c.close() }()
	for {
		batch, lost, more := f.queue.take(ctx)
		if len(batch) == 0 && !more {
			break
		}
		if lost > 0 {
			batch = append(batch, lostMessage(lost))
		}
		unsent := c.deliver(ctx, batch)
		f.queue.sent()
		if unsent > 0 {
			f.queue.lose(unsent)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if lost := f.queue.lostAtEnd(); lost > 0 {
		f.note(fmt.Sprintf("%d lines were not sent to %s", lost, f.where()))
	}
}

// lostMessage tells the server of what it did not get.
func lostMessage(n int) Message {
	return Message{Stream: logs.Stderr, Time: time.Now(), Line: fmt.Appendf(nil, "%d lines lost: they did not fit into the buffer while they could not be sent", n)}
}

// where names the receiver for people.
func (f *Forwarder) where() string {
	if f.config.Address == "" {
		return f.config.Driver
	}
	return f.config.Driver + " at " + f.config.Address
}

// connection is a sender that is made anew when it breaks.
type connection struct {
	*Forwarder
	sender sender
	failed bool // the user knows that it does
}

// deliver sends a batch, and tries again until it is sent, given up, or ctx ends;
// it returns how many messages were not.
func (c *connection) deliver(ctx context.Context, batch []Message) (unsent int) {
	pause := c.config.RetryWait
	if pause == 0 {
		pause = firstPause
	}
	for try := 1; ; try++ {
		sent, err := c.try(ctx, batch)
		if err == nil {
			c.failed = false
			return 0
		}
		batch = batch[sent:]
		if !c.failed && ctx.Err() == nil {
			c.failed = true
			c.note(fmt.Sprintf("lines cannot be sent to %s: %v: trying again", c.where(), cause(err)))
		}
		if c.config.Retries > 0 && try > c.config.Retries {
			return len(batch)
		}
		select {
		case <-ctx.Done():
			return len(batch)
		case <-time.After(pause):
		}
		pause = min(2*pause, max(lastPause, c.config.RetryWait))
	}
}

func (c *connection) try(ctx context.Context, batch []Message) (sent int, err error) {
	if c.sender == nil {
		ctx, cancel := context.WithTimeout(ctx, dialLimit)
		defer cancel()
		if c.sender, err = c.dialer.dial(ctx); err != nil {
			c.sender = nil
			return 0, err
		}
	}
	if sent, err = c.sender.send(batch); err != nil {
		_ = c.close() // it is broken
	}
	return sent, err
}

func (c *connection) close() error {
	if c.sender == nil {
		return nil
	}
	err := c.sender.Close()
	c.sender = nil
	return err
}

// cause leaves out of a network's error what is said already.
func cause(err error) error {
	if op, ok := err.(*net.OpError); ok { //nolint:errorlint // the outermost only
		return op.Err
	}
	return err
}
