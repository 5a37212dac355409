package view

import (
	"io"
	"strings"
)

// Refresh shows a text that becomes another one time and again: each is drawn over
// the one before.
type Refresh struct {
	screen screen
	size   func() (columns, rows int)
}

// NewRefresh returns a Refresh on a terminal. Size says how large that is; nil: it
// is asked.
func NewRefresh(w io.Writer, size func() (columns, rows int)) *Refresh {
	if size == nil {
		size = sizeOf(w)
	}
	r := &Refresh{screen{out: &sticky{w: w}}, size}
	r.screen.open()
	return r
}

// Draw shows the text, as much of it as the terminal has room for.
func (r *Refresh) Draw(text string) error {
	columns, rows := r.size()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	lines = lines[:min(len(lines), max(rows-1, 1))] // below is the cursor
	for i, l := range lines {
		lines[i] = cut(oneLine(l), columns-1) // terminals differ in what they do at the edge
	}
	r.screen.draw(lines, columns, rows)
	return r.screen.out.err
}

// Close leaves the last text where it is.
func (r *Refresh) Close() { r.screen.close() }
