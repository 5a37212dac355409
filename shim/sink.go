package shim

import (
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/containerd/log"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/forward"
	"github.com/gocompose/gocompose/shim/options"
)

// store takes what streams give.
type store interface {
	Copy(logs.Stream, logs.Acknowledger) error
	Close() error
}

// sink is a store, and what is forwarded on the way there.
type sink struct {
	store
	forwarder *forward.Forwarder // nil: nothing is

	noting sync.Mutex
	closed bool // there are no notes in the store any more
}

func openSink(o options.Options) (*sink, error) {
	s := &sink{store: nowhere{}}
	var err error
	if o.Driver != options.None {
		if s.store, err = logs.OpenWriter(o.Dir, o.Log); err != nil {
			return nil, err
		}
	}
	if o.Forward.Driver == "" {
		return s, nil
	}
	// What keeps it from working is no reason not to run the container.
	if s.forwarder, err = forward.Open(o.Forward, s.note); err != nil {
		s.note("lines are not sent to " + o.Forward.Driver + ": " + err.Error())
	}
	return s, nil
}

// Copy forwards what it copies.
func (s *sink) Copy(stream logs.Stream, r logs.Acknowledger) error {
	if s.forwarder != nil {
		r = s.forwarder.Tee(stream, r)
	}
	return s.store.Copy(stream, r)
}

// Close has no more forwarded than is there.
func (s *sink) Close() error {
	if s.forwarder != nil {
		s.forwarder.Close()
	}
	s.noting.Lock()
	defer s.noting.Unlock()
	s.closed = true
	return s.store.Close()
}

// sent waits until what was forwarded is sent, or given up.
func (s *sink) sent() {
	if s.forwarder != nil {
		<-s.forwarder.Done()
	}
}

// note tells the user something, in the container's log and in the shim's own.
func (s *sink) note(text string) {
	log.L.Warn(text)
	s.noting.Lock()
	defer s.noting.Unlock()
	if s.closed {
		return
	}
	if err := s.store.Copy(logs.Stderr, line{strings.NewReader("gocompose: " + text + "\n")}); err != nil {
		log.L.WithError(err).Error("writing a note to the log")
	}
}

// line is a reader that needs no acknowledgement.
type line struct{ io.Reader }

func (line) Ack(int) error { return nil }

// nowhere reads and forgets.
type nowhere struct{}

func (nowhere) Copy(_ logs.Stream, r logs.Acknowledger) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if err == nil {
			err = r.Ack(n)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (nowhere) Close() error { return nil }
