package forward

import (
	"bytes"
	"math/rand/v2"
	"time"

	"github.com/gocompose/gocompose/logs"
)

// Tee returns a reader of r whose data is forwarded as lines of stream s.
func (f *Forwarder) Tee(s logs.Stream, r logs.Acknowledger) logs.Acknowledger {
	return &tee{Acknowledger: r, lines: splitter{stream: s, put: f.queue.put, now: time.Now}}
}

type tee struct {
	logs.Acknowledger
	lines splitter
}

// Read forwards what it returns; a line that has no end yet is kept until it has.
func (t *tee) Read(p []byte) (int, error) {
	n, err := t.Acknowledger.Read(p)
	t.lines.write(p[:n])
	if err != nil {
		t.lines.end()
	}
	return n, err
}

// splitter makes messages of data. Lines of more than logs.MaxLine bytes become
// several.
type splitter struct {
	stream logs.Stream
	put    func(Message)
	now    func() time.Time
	rest   []byte // of a line that has no end yet
	piece  Piece  // of the line's last piece; zero: there is none
}

func (s *splitter) write(data []byte) {
	for len(data) > 0 {
		room := logs.MaxLine - len(s.rest)
		window := data[:min(len(data), room+1)]
		if i := bytes.IndexByte(window, '\n'); i >= 0 {
			s.flush(data[:i], true)
			data = data[i+1:]
			continue
		}
		if len(window) <= room {
			s.rest = append(s.rest, window...)
			return
		}
		s.flush(data[:room], false)
		data = data[room:]
	}
}

// end forwards a last line that has no end.
func (s *splitter) end() {
	if len(s.rest) > 0 {
		s.flush(nil, true)
	}
}

// flush makes a message of what is kept and data; last: a line ends with it.
func (s *splitter) flush(data []byte, last bool) {
	m := Message{Stream: s.stream, Time: s.now(), Line: append(s.rest, data...)}
	s.rest = nil
	if !last || s.piece.Of != 0 {
		if s.piece.Of == 0 {
			s.piece.Of = rand.Uint64() | 1
		}
		s.piece.Ordinal++
		s.piece.Last = last
		m.Piece = s.piece
	}
	if last {
		s.piece = Piece{}
	}
	s.put(m)
}
