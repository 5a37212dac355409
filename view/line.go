package view

import (
	"strings"
	"unicode"
)

// SGR codes (ECMA-48).
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	blue   = "34"
	cyan   = "36"
)

func colourOf(s status, otherwise string) string {
	switch s {
	case done:
		return green
	case warning:
		return yellow
	case failed:
		return red
	default:
		return otherwise
	}
}

func paint(s, code string) string {
	if code == "" || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// lineBuilder makes a line that takes no more than room cells.
type lineBuilder struct {
	strings.Builder
	colour bool
	room   int
}

func (l *lineBuilder) add(s, code string) {
	s = cut(s, l.room)
	l.room -= cells(s)
	if !l.colour {
		code = ""
	}
	l.WriteString(paint(s, code))
}

// cells returns how many columns s takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

// runeCells follows the wide blocks of Unicode's East Asian Width (UAX 11),
// roughly: what it gets wrong costs a column, not a line.
func runeCells(r rune) int {
	switch {
	case r == 0 || unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 ||
		r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 ||
		r >= 0xffe0 && r <= 0xffe6 || r >= 0x1f300 && r <= 0x1faff || r >= 0x20000 && r <= 0x3fffd):
		return 2
	default:
		return 1
	}
}

// cut returns s, or as much of it as fits in width columns, with an ellipsis.
func cut(s string, width int) string {
	if cells(s) <= width {
		return s
	}
	if width <= 0 {
		return ""
	}
	n := 0
	for i, r := range s {
		if n+runeCells(r) > width-1 {
			return s[:i] + "…"
		}
		n += runeCells(r)
	}
	return s
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-cells(s), 0))
}

// oneLine makes of s something that can stand within a line: what controls a
// terminal becomes a space.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// firstLine is what there is room for of an error of several lines, which is told whole
// at the end.
func firstLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}
