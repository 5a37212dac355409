package view

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// screen draws blocks of lines one over the other, at the bottom of what was
// printed before. It writes only what changed.
type screen struct {
	out   *sticky
	drawn []string
	width int
}

const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	clearRight = "\x1b[K"
	clearBelow = "\x1b[J"
)

func (s *screen) open()  { s.write(hideCursor) }
func (s *screen) close() { s.write(showCursor) }

func (s *screen) write(text string) { _, _ = s.out.Write([]byte(text)) } // kept in out

// draw replaces what was drawn by lines, none of which is wider than the
// terminal. The cursor stands at the start of the line below.
func (s *screen) draw(lines []string, columns, rows int) {
	if s.width != columns {
		s.erase(columns, rows) // the terminal has wrapped the old lines anew, or not: start over
	}
	s.width = columns
	var b strings.Builder
	first := 0
	for first < len(lines) && first < len(s.drawn) && lines[first] == s.drawn[first] {
		first++
	}
	if first == len(lines) && first == len(s.drawn) {
		return
	}
	moveUp(&b, len(s.drawn)-first)
	for i := first; i < len(lines); i++ {
		if i >= len(s.drawn) || lines[i] != s.drawn[i] {
			b.WriteString("\r" + lines[i] + clearRight)
		}
		b.WriteString("\n")
	}
	if len(lines) < len(s.drawn) {
		b.WriteString("\r" + clearBelow)
	}
	s.write(b.String())
	s.drawn = lines
}

// erase takes away what was drawn. The cursor stands where it began.
func (s *screen) erase(columns, rows int) {
	if len(s.drawn) == 0 {
		return
	}
	up := 0
	for _, l := range s.drawn {
		up += max(1, (visible(l)+columns-1)/columns)
	}
	var b strings.Builder
	moveUp(&b, min(up, rows-1))
	b.WriteString("\r" + clearBelow)
	s.write(b.String())
	s.drawn = nil
}

func moveUp(b *strings.Builder, n int) {
	if n > 0 {
		fmt.Fprintf(b, "\x1b[%dA", n)
	}
}

// visible returns how many columns a drawn line takes.
func visible(line string) int {
	n := 0
	for i := 0; i < len(line); {
		if strings.HasPrefix(line[i:], "\x1b[") {
			end := strings.IndexByte(line[i:], 'm')
			if end >= 0 {
				i += end + 1
				continue
			}
		}
		r, size := utf8.DecodeRuneInString(line[i:])
		n += runeCells(r)
		i += size
	}
	return n
}
