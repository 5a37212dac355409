package view

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"
)

// terminal is a small VT100: what the progress display uses of one.
type terminal struct {
	columns, rows int
	lines         [][]rune // all that was ever shown; the last rows of it are visible
	top           int      // the first visible line
	x, y          int      // y counts within lines
	hidden        bool     // the cursor is
	written       int      // bytes
	unknown       []string
	mu            sync.Mutex
}

func newTerminal(columns, rows int) *terminal {
	return &terminal{columns: columns, rows: rows, lines: [][]rune{nil}}
}

func (t *terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.written += len(b)
	for s := string(b); s != ""; {
		if strings.HasPrefix(s, "\x1b[") {
			end := strings.IndexFunc(s[2:], func(r rune) bool { return r >= '@' && r <= '~' })
			t.control(s[2:2+end], s[2+end])
			s = s[3+end:]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		t.put(r)
		s = s[size:]
	}
	return len(b), nil
}

func (t *terminal) put(r rune) {
	switch r {
	case '\r':
		t.x = 0
	case '\n':
		t.x = 0 // as terminals in cooked mode do
		t.down()
	default:
		if t.x >= t.columns {
			t.x = 0
			t.down()
		}
		for len(t.lines[t.y]) <= t.x {
			t.lines[t.y] = append(t.lines[t.y], ' ')
		}
		t.lines[t.y][t.x] = r
		t.x++
	}
}

func (t *terminal) down() {
	t.y++
	if t.y == len(t.lines) {
		t.lines = append(t.lines, nil)
	}
	t.top = max(t.top, t.y-t.rows+1)
}

func (t *terminal) control(args string, verb byte) {
	switch verb {
	case 'A':
		n := 1
		_, _ = fmt.Sscan(args, &n)
		t.y = max(t.y-n, t.top)
	case 'K':
		t.lines[t.y] = t.lines[t.y][:min(t.x, len(t.lines[t.y]))]
	case 'J':
		t.lines[t.y] = t.lines[t.y][:min(t.x, len(t.lines[t.y]))]
		t.lines = t.lines[:t.y+1]
	case 'm':
	case 'l', 'h':
		t.hidden = verb == 'l'
	default:
		t.unknown = append(t.unknown, args+string(verb))
	}
}

// resize changes the width, and wraps lines anew as most terminals do. The
// cursor stays where it was in the text.
func (t *terminal) resize(columns int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines [][]rune
	y := 0
	for i, l := range t.lines {
		if i == t.y {
			y = len(lines)
		}
		for len(l) > columns {
			lines = append(lines, l[:columns:columns])
			l = l[columns:]
		}
		lines = append(lines, l)
	}
	t.columns, t.lines, t.y = columns, lines, y
	t.top = max(0, len(lines)-t.rows)
}

func (t *terminal) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, l := range t.lines {
		b.WriteString(strings.TrimRight(string(l), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func (t *terminal) size() (columns, rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.columns, t.rows
}
