package view

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/gocompose/gocompose/project"
)

// board is what the terminal is to show: a header and a row for each resource
// in the order of their first news.
type board struct {
	title  string
	colour bool
	dryRun bool
	total  int // resources there will be
	rows   []row
	at     map[project.ID]int
}

type row struct {
	update
	began, ended time.Time
	rate         rate
	parts        parts
}

func (b *board) put(u update) {
	i, known := b.at[u.key]
	if !known {
		i = len(b.rows)
		b.at[u.key] = i
		b.rows = append(b.rows, row{began: u.time})
	}
	r := &b.rows[i]
	if u.total > 0 {
		r.rate.put(u.time, u.current)
	}
	r.update = u
	r.ended = time.Time{}
	if u.layer.id != "" {
		r.parts.put(u)
	}
	if u.status != working {
		r.ended, r.parts = u.time, nil
	}
}

// lines returns the board at a point in time, none of them longer than the
// terminal is wide, and at most height of them when that is above zero. What
// is under way is shown rather than what is settled.
func (b *board) lines(now time.Time, width, height int) []string {
	settled := 0
	for _, r := range b.rows {
		if r.last {
			settled++
		}
	}
	title := cmp.Or(b.title, textRunning)
	if b.dryRun {
		title = dryRunPrefix + title
	}
	header := fmt.Sprintf("[+] %s %d/%d", title, settled, max(b.total, len(b.rows)))
	shown, hidden := b.shown(height - 1)
	idWidth := 0
	for _, r := range shown {
		idWidth = max(idWidth, cells(r.id))
	}
	// One column stays free: terminals differ in what they do at the edge.
	out := []string{cut(header, width-1)}
	room := max(height-1-len(shown)-min(hidden, 1), 0)
	for _, r := range shown {
		out = append(out, b.line(r, now, min(idWidth, max(width/2, 10)), width-1))
		for _, part := range r.parts.busy(room) {
			out = append(out, b.partLine(part, now, width-1))
			room--
		}
	}
	if hidden > 0 {
		out = append(out, cut(fmt.Sprintf("   … %d more", hidden), width-1))
	}
	return out
}

// shown picks the rows that fit, of which there may be height, and counts the
// others.
func (b *board) shown(height int) ([]row, int) {
	if height < 0 || len(b.rows) <= height {
		return b.rows, 0
	}
	room := max(height-1, 0)
	active := 0
	for _, r := range b.rows {
		if !r.last {
			active++
		}
	}
	settledRoom := max(room-active, 0)
	var out []row
	// Of the settled rows the last ones stay.
	skip := len(b.rows) - active - settledRoom
	for _, r := range b.rows {
		if r.last && skip > 0 {
			skip--
			continue
		}
		if len(out) < room {
			out = append(out, r)
		}
	}
	return out, len(b.rows) - len(out)
}

// line shows one row: sign, resource, text, bar or details, and at the right
// the time it took.
func (b *board) line(r row, now time.Time, idWidth, width int) string {
	end := r.ended
	if end.IsZero() {
		end = now
	}
	timer := fmt.Sprintf("%.1fs", max(end.Sub(r.began).Seconds(), 0))
	var l lineBuilder
	l.colour = b.colour
	l.room = width - cells(timer) - 1
	l.add(" ", "")
	l.add(sign(r, now), colourOf(r.status, cyan))
	l.add(" ", "")
	l.add(pad(cut(r.id, idWidth), idWidth), "")
	l.add("  ", "")
	l.add(r.text, colourOf(r.status, ""))
	if bar := bar(r, now); bar != "" {
		l.add(" "+bar, "")
	}
	if r.details != "" {
		l.add(" "+oneLine(r.details), "")
	}
	if l.room < 0 {
		return l.String()
	}
	l.add(strings.Repeat(" ", l.room), "")
	l.room = cells(timer) + 1
	l.add(" "+timer, blue)
	return l.String()
}

const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

func sign(r row, now time.Time) string {
	switch r.status {
	case done:
		return "✔"
	case warning:
		return "!"
	case failed:
		return "✘"
	default:
		frames := []rune(spinner)
		return string(frames[int(max(now.Sub(r.began), 0)/frameInterval)%len(frames)])
	}
}
