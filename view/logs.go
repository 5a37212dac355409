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
	out   *bufio.Writer
	width int // of the widest name
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

// NewLogs returns a Logs that writes to w.
func NewLogs(w io.Writer, opt LogOptions) *Logs {
	return &Logs{opt: opt, out: bufio.NewWriterSize(w, 64<<10), by: map[string]*logSource{}}
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
		return l.line(s, l.stamp(e), e.Line)
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
	return l.line(s, held.stamp, held.text)
}

func (l *Logs) stamp(e logs.Entry) string {
	if !l.opt.Timestamps {
		return ""
	}
	return e.Time.UTC().Format(timestampLayout) + " "
}

func (l *Logs) line(s *logSource, stamp string, text []byte) error {
	if !l.opt.NoPrefix {
		_, _ = l.out.WriteString(s.prefix) // the writer keeps its first error
	}
	_, _ = l.out.WriteString(stamp)
	_, _ = l.out.Write(text)
	if err := l.out.WriteByte('\n'); err != nil || l.opt.Buffered {
		return err
	}
	return l.out.Flush()
}

// Status writes a line about a container: "web-1 exited with code 0".
func (l *Logs) Status(name, text string) error {
	s := l.source(name)
	_, _ = l.out.WriteString(paint(strings.TrimSpace(name+" "+text), s.colour) + "\n")
	return l.out.Flush()
}

// Flush writes what is held, ends of lines that did not come included.
func (l *Logs) Flush() error {
	for _, name := range l.names {
		s := l.by[name]
		for _, stream := range []logs.Stream{logs.Stdout, logs.Stderr} {
			held := s.held[stream]
			if held == nil {
				continue
			}
			delete(s.held, stream)
			if err := l.line(s, held.stamp, held.text); err != nil {
				return err
			}
		}
	}
	return l.out.Flush()
}
