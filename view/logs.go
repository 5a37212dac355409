package view

import (
	"bufio"
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

// timestampLayout is RFC 3339 with all nine digits, as Docker prints it.
const timestampLayout = "2006-01-02T15:04:05.000000000Z07:00"

// logColours are given to containers in the order of registration (SGR codes).
var logColours = []string{"36", "33", "32", "35", "34", "96", "93", "92", "95", "94"}

// Logs writes the log lines of several containers, each with the name of its
// container before it: "web-1  | GET /". It is for one goroutine.
type Logs struct {
	opt   LogOptions
	out   map[logs.Stream]*bufio.Writer // of one or two writers
	last  *bufio.Writer                 // the one written to last; only it may hold anything
	width int                           // of the widest name
	names []string
	by    map[string]*logSource
}

type logSource struct {
	colour string
	prefix string
	held   map[logs.Stream]*heldLine
}

// heldLine is a line of which the end is still to come.
type heldLine struct {
	stamp string
	text  []byte
}

// logBuffer is how much of buffered lines is written at once, in bytes.
const logBuffer = 64 << 10

// NewLogs returns a Logs that writes to w.
func NewLogs(w io.Writer, opt LogOptions) *Logs {
	out := bufio.NewWriterSize(w, logBuffer)
	l := &Logs{opt: opt, out: map[logs.Stream]*bufio.Writer{logs.Stdout: out, logs.Stderr: out}, last: out, by: map[string]*logSource{}}
	if opt.Stderr != nil {
		l.out[logs.Stderr] = bufio.NewWriterSize(opt.Stderr, logBuffer)
	}
	return l
}

// to returns the writer of a stream. What another one holds is written before,
// so that lines come in order where both lead to the same place.
func (l *Logs) to(s logs.Stream) *bufio.Writer {
	w := l.out[s]
	if w == nil { // of a log that is not ours
		w = l.out[logs.Stdout]
	}
	if w != l.last {
		_ = l.last.Flush() // the writer keeps its first error
		l.last = w
	}
	return w
}

// Register makes name known: it gets the next colour, and prefixes become wide
// enough for it.
func (l *Logs) Register(name string) { l.source(name) }

func (l *Logs) source(name string) *logSource {
	if s := l.by[name]; s != nil {
		return s
	}
	s := &logSource{held: map[logs.Stream]*heldLine{}}
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
	held := s.held[e.Stream]
	if held == nil && !e.Partial {
		return l.line(s, e.Stream, l.stamp(e), e.Line)
	}
	if held == nil {
		held = &heldLine{stamp: l.stamp(e)}
		s.held[e.Stream] = held
	}
	held.text = append(held.text, e.Line...)
	if e.Partial && len(held.text) < maxHeldLine {
		return nil
	}
	delete(s.held, e.Stream)
	return l.line(s, e.Stream, held.stamp, held.text)
}

func (l *Logs) stamp(e logs.Entry) string {
	if !l.opt.Timestamps {
		return ""
	}
	return e.Time.UTC().Format(timestampLayout) + " "
}

func (l *Logs) line(s *logSource, stream logs.Stream, stamp string, text []byte) error {
	w := l.to(stream)
	if !l.opt.NoPrefix {
		_, _ = w.WriteString(s.prefix) // the writer keeps its first error
	}
	_, _ = w.WriteString(stamp)
	_, _ = w.Write(text)
	return l.end(w)
}

// end ends a line.
func (l *Logs) end(w *bufio.Writer) error {
	if err := w.WriteByte('\n'); err != nil || l.opt.Buffered {
		return err
	}
	return w.Flush()
}

// Status writes a line about a container, after what is held of its lines:
// "web-1 exited with code 0".
func (l *Logs) Status(name, text string) error {
	s := l.source(name)
	if err := l.release(s); err != nil {
		return err
	}
	w := l.to(logs.Stdout)
	_, _ = w.WriteString(paint(strings.TrimSpace(name+" "+text), s.colour))
	return l.end(w)
}

// Note writes a line about all of them.
func (l *Logs) Note(text string) error {
	w := l.to(logs.Stdout)
	_, _ = w.WriteString(text)
	return l.end(w)
}

// release writes what is held of a container's lines.
func (l *Logs) release(s *logSource) error {
	for _, stream := range []logs.Stream{logs.Stdout, logs.Stderr} {
		held := s.held[stream]
		if held == nil {
			continue
		}
		delete(s.held, stream)
		if err := l.line(s, stream, held.stamp, held.text); err != nil {
			return err
		}
	}
	return nil
}

// Flush writes what is buffered. The beginnings of lines stay.
func (l *Logs) Flush() error { return l.last.Flush() }

// Close writes all that is left, ends of lines that did not come included.
func (l *Logs) Close() error {
	for _, name := range l.names {
		if err := l.release(l.by[name]); err != nil {
			return err
		}
	}
	return l.Flush()
}
