package view

import (
	"fmt"
	"io"
	"strings"
)

// FullScreen draws on the whole of a terminal, beside what was printed there
// before: that is as it was after Close.
type FullScreen struct {
	out           *sticky
	size          func() (columns, rows int)
	drawn         []string
	columns, rows int
}

const (
	openAlternate  = "\x1b[?1049h"
	closeAlternate = "\x1b[?1049l"
	clearAll       = "\x1b[2J"
)

// NewFullScreen takes the terminal over. Size says how large it is; nil: it is
// asked.
func NewFullScreen(w io.Writer, size func() (columns, rows int)) *FullScreen {
	if size == nil {
		size = sizeOf(w)
	}
	s := &FullScreen{out: &sticky{w: w}, size: size}
	s.out.printf("%s", openAlternate+hideCursor)
	return s
}

// Close gives the terminal back.
func (s *FullScreen) Close() error {
	s.out.printf("%s", showCursor+closeAlternate)
	return s.out.err
}

// Size returns the columns and rows that there are now.
func (s *FullScreen) Size() (columns, rows int) { return s.size() }

// Redraw has the next Draw draw everything: somebody else has written to the
// terminal.
func (s *FullScreen) Redraw() { s.drawn = nil }

// Draw shows the lines from the top, of which there are as many as rows. It writes
// only those that have changed.
func (s *FullScreen) Draw(lines []string, columns, rows int) error {
	var b strings.Builder
	if s.columns != columns || s.rows != rows || len(s.drawn) != len(lines) {
		b.WriteString(clearAll)
		s.drawn = make([]string, len(lines))
		s.columns, s.rows = columns, rows
	}
	for i, l := range lines {
		if l != s.drawn[i] {
			fmt.Fprintf(&b, "\x1b[%d;1H%s%s", i+1, clearRight, l)
		}
	}
	s.drawn = lines
	if b.Len() > 0 {
		s.out.printf("%s", b.String())
	}
	return s.out.err
}
