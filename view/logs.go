package view

import (
	"bytes"
	"io"
	"strings"

	"github.com/gocompose/gocompose/logs"
)

// LogOptions say how log lines are shown.
type LogOptions struct {
	NoPrefix   bool
	Timestamps bool
	Colour     bool
	// Buffered: lines may wait for Flush. Without, each is written at once.
	Buffered bool
	// Stderr is where lines go that containers print to their standard error;
	// nil: with the others.
	Stderr io.Writer
}

// maxHeldLine bounds what is held of a line that comes in pieces, in bytes.
// Longer lines come out in pieces.
const maxHeldLine = 1 << 20

// logColours are given to containers in the order of registration (SGR codes).
var logColours = []string{"36", "33", "32", "35", "34", "96", "93", "92", "95", "94"}

// Logs writes the log lines of several containers, each with the name of its
// container before it: "web-1  | GET /". It is for one goroutine.
type Logs struct {
	opt   LogOptions
	out   [2]*batch // by stream; may be one
	last  *batch    // the one written to last; only it may hold anything
	width int       // of the widest name
	names []string
	by    map[string]*logSource
	// recent is the source of the last line, by its name.
	recent     *logSource
	recentName string
	stamper
}

type logSource struct {
	colour string
	prefix string
	held   [2]*heldLine // by stream
}

// heldLine is a line of which the end is still to come.
type heldLine struct {
	stamp []byte
	text  []byte
}

// ofStream is the place of a stream in arrays. What is neither is not ours.
func ofStream(s logs.Stream) int {
	if s == logs.Stderr {
		return 1
	}
	return 0
}

// NewLogs returns a Logs that writes to w.
func NewLogs(w io.Writer, opt LogOptions) *Logs {
	out := &batch{to: w}
	l := &Logs{opt: opt, out: [2]*batch{out, out}, last: out, by: map[string]*logSource{}}
	if opt.Stderr != nil {
		l.out[ofStream(logs.Stderr)] = &batch{to: opt.Stderr}
	}
	return l
}

// to returns the writer of a stream. What another one holds is written before,
// so that lines come in order where both lead to the same place.
func (l *Logs) to(s logs.Stream) *batch {
	w := l.out[ofStream(s)]
	if w != l.last {
		_ = l.last.flush() // the batch keeps its first error
		l.last = w
	}
	return w
}

// Register makes name known: it gets the next colour, and prefixes become wide
// enough for it.
func (l *Logs) Register(name string) { l.source(name) }

func (l *Logs) source(name string) *logSource {
	if l.recent != nil && l.recentName == name {
		return l.recent
	}
	s := l.by[name]
	if s == nil {
		s = l.register(name)
	}
	l.recent, l.recentName = s, name
	return s
}

func (l *Logs) register(name string) *logSource {
	s := &logSource{}
	if l.opt.Colour {
		s.colour = logColours[len(l.names)%len(logColours)]
	}
	l.names = append(l.names, name)
	l.by[name] = s
	l.width = max(l.width, cells(name))
	for n, s := range l.by {
		// docker compose's form: one space more than the widest name.
		s.prefix = paint(pad(n, l.width+1)+" | ", s.colour)
	}
	return s
}

// Print writes e, a line or a piece of one, of the container of that name.
// Pieces are held until the line is whole.
func (l *Logs) Print(name string, e logs.Entry) error {
	s := l.source(name)
	stream := ofStream(e.Stream)
	held := s.held[stream]
	if held == nil && !e.Partial {
		return l.line(s, e.Stream, l.stamp(e), e.Line)
	}
	if held == nil {
		held = &heldLine{stamp: bytes.Clone(l.stamp(e))}
		s.held[stream] = held
	}
	held.text = append(held.text, e.Line...)
	if e.Partial && len(held.text) < maxHeldLine {
		return nil
	}
	s.held[stream] = nil
	return l.line(s, e.Stream, held.stamp, held.text)
}

// stamp returns what stands before a line, good until the next call.
func (l *Logs) stamp(e logs.Entry) []byte {
	if !l.opt.Timestamps {
		return nil
	}
	return l.stamper.text(e.Time)
}

func (l *Logs) line(s *logSource, stream logs.Stream, stamp, text []byte) error {
	w := l.to(stream)
	if !l.opt.NoPrefix {
		w.buf = append(w.buf, s.prefix...)
	}
	w.buf = append(w.buf, stamp...)
	w.buf = append(w.buf, text...)
	return l.end(w)
}

// end ends a line.
func (l *Logs) end(w *batch) error {
	w.buf = append(w.buf, '\n')
	if l.opt.Buffered && len(w.buf) < batchSize {
		return w.err
	}
	return w.flush()
}

// Status writes a line about a container, after what is held of its lines:
// "web-1 exited with code 0".
func (l *Logs) Status(name, text string) error {
	s := l.source(name)
	if err := l.release(s); err != nil {
		return err
	}
	return l.Note(paint(strings.TrimSpace(name+" "+text), s.colour))
}

// Note writes a line about all of them.
func (l *Logs) Note(text string) error {
	w := l.to(logs.Stdout)
	w.buf = append(w.buf, text...)
	return l.end(w)
}

// release writes what is held of a container's lines.
func (l *Logs) release(s *logSource) error {
	for _, stream := range []logs.Stream{logs.Stdout, logs.Stderr} {
		held := s.held[ofStream(stream)]
		if held == nil {
			continue
		}
		s.held[ofStream(stream)] = nil
		if err := l.line(s, stream, held.stamp, held.text); err != nil {
			return err
		}
	}
	return nil
}

// Flush writes what is buffered. The beginnings of lines stay.
func (l *Logs) Flush() error { return l.last.flush() }

// Close writes all that is left, ends of lines that did not come included.
func (l *Logs) Close() error {
	for _, name := range l.names {
		if err := l.release(l.by[name]); err != nil {
			return err
		}
	}
	return l.Flush()
}
