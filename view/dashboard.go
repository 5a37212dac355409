package view

import (
	"fmt"
	"strings"
	"time"
)

// Dashboard is what the full screen shows at one moment.
type Dashboard struct {
	Project  string
	Time     time.Time
	Rows     []DashboardRow
	Selected int // a row
	// Logs are the last lines of the selected row's container, as it printed them;
	// there are as many as there is room for, or fewer.
	Logs     []string
	ShowLogs bool
	// Trouble is why what is shown may be old; empty: it is not.
	Trouble string
	Colour  bool
}

// DashboardRow is one container.
type DashboardRow struct {
	Name, State, Health, CPU, Memory, Share, Network, Restarts string
	Tone                                                       Tone
}

// Tone says how something looks that is well or not.
type Tone string

// The tones; any other text looks like nothing in particular.
const (
	Good Tone = "good"
	Fair Tone = "fair"
	Bad  Tone = "bad"
)

const (
	bold    = "1"
	reverse = "7"
)

func (t Tone) colour() string { return map[Tone]string{Good: green, Fair: yellow, Bad: red}[t] }

// dashboardFrame are the lines above and below the rows: title, header, keys.
const dashboardFrame = 3

// LogRoom returns how many lines of logs there is room for.
func (d Dashboard) LogRoom(rows int) int {
	if !d.ShowLogs {
		return 0
	}
	return max(rows-dashboardFrame-1-d.shownRows(rows), 0) // and a title
}

// shownRows is how many of the containers there is room for: half of the screen
// when logs are shown too.
func (d Dashboard) shownRows(rows int) int {
	room := rows - dashboardFrame
	if d.ShowLogs {
		room = max(room/2, 1)
	}
	return max(min(room, len(d.Rows)), 0)
}

// Lines returns the screen: that many rows, none wider than the columns.
func (d Dashboard) Lines(columns, rows int) []string {
	lines := []string{d.title(columns)}
	widths := d.widths()
	lines = append(lines, d.paint(cut(strings.TrimRight(dashboardHeader().text(widths), " "), columns), bold))
	shown := d.shownRows(rows)
	first := min(max(d.Selected-shown/2, 0), len(d.Rows)-shown)
	for i := first; i < first+shown; i++ {
		lines = append(lines, d.row(i, widths, columns))
	}
	if d.ShowLogs && rows > len(lines)+1 {
		lines = append(lines, d.paint(cut(d.logTitle(), columns), bold))
		room := d.LogRoom(rows)
		for _, l := range d.Logs[max(len(d.Logs)-room, 0):] {
			lines = append(lines, cut(plainText(l), columns))
		}
	}
	for len(lines) < rows-1 {
		lines = append(lines, "")
	}
	return append(lines[:max(rows-1, 0)], d.footer(columns))
}

func (d Dashboard) paint(s, code string) string {
	if !d.Colour {
		return s
	}
	return paint(s, code)
}

func (d Dashboard) title(columns int) string {
	what := fmt.Sprintf("%d containers", len(d.Rows))
	if len(d.Rows) == 1 {
		what = "1 container"
	}
	left := "gocompose top: " + oneLine(d.Project) + ", " + what
	right := d.Time.Format("15:04:05")
	if gap := columns - cells(left) - cells(right); gap > 0 {
		left += strings.Repeat(" ", gap) + right
	}
	return d.paint(cut(left, columns), bold)
}

func (d Dashboard) logTitle() string {
	if len(d.Rows) == 0 {
		return "Logs"
	}
	return "Logs of " + oneLine(d.Rows[d.Selected].Name)
}

func (d Dashboard) footer(columns int) string {
	if d.Trouble != "" {
		return d.paint(cut(oneLine(d.Trouble), columns), red)
	}
	return cut("up, down: select   l: logs   q: quit", columns)
}

func dashboardHeader() DashboardRow {
	return DashboardRow{"NAME", "STATE", "HEALTH", "CPU %", "MEM", "MEM %", "NET I/O", "RESTARTS", ""}
}

func (r DashboardRow) cells() []string {
	return []string{r.Name, r.State, r.Health, r.CPU, r.Memory, r.Share, r.Network, r.Restarts}
}

// dashboardMinimum keeps columns where they are while what is in them changes.
func dashboardMinimum() []int { return []int{8, 10, 9, 7, 9, 6, 17, 8} }

// widths are those of the columns.
func (d Dashboard) widths() []int {
	widths := dashboardMinimum()
	for _, r := range append(d.Rows, dashboardHeader()) {
		for i, c := range r.cells() {
			widths[i] = max(widths[i], cells(oneLine(c)))
		}
	}
	return widths
}

// text is the row within its columns, behind the place of the mark of the selected
// one.
func (r DashboardRow) text(widths []int) string {
	out := "  "
	for i, c := range r.cells() {
		out += pad(oneLine(c), widths[i]+2)
	}
	return out
}

func (d Dashboard) row(i int, widths []int, columns int) string {
	r := d.Rows[i]
	text := r.text(widths)
	if i == d.Selected {
		return d.paint(pad(cut("> "+text[2:], columns), columns), reverse)
	}
	if !d.Colour || r.Tone.colour() == "" {
		return cut(strings.TrimRight(text, " "), columns)
	}
	// The state and the health are what the tone is about.
	l := lineBuilder{colour: true, room: columns}
	for j, c := range r.cells() {
		code := ""
		if j == 1 || j == 2 {
			code = r.Tone.colour()
		}
		if j == 0 {
			c = "  " + oneLine(c)
			l.add(pad(c, widths[j]+4), code)
			continue
		}
		l.add(pad(oneLine(c), widths[j]+2), code)
	}
	return l.String()
}

// plainText is what is seen of a line that a program printed for a terminal: without
// what moves the cursor or changes the colour.
func plainText(s string) string {
	var b strings.Builder
	for s != "" {
		before, rest, found := strings.Cut(s, "\x1b")
		b.WriteString(before)
		if !found {
			break
		}
		s = afterEscape(rest)
	}
	return oneLine(strings.ReplaceAll(strings.TrimRight(b.String(), "\r"), "\t", "    "))
}

// afterEscape returns what follows a control sequence, of which the escape
// character has been read (ECMA-48).
func afterEscape(s string) string {
	switch {
	case strings.HasPrefix(s, "["):
		if end := strings.IndexFunc(s[1:], func(r rune) bool { return r >= '@' && r <= '~' }); end >= 0 {
			return s[end+2:]
		}
		return ""
	case strings.HasPrefix(s, "]"): // until the bell or the string terminator
		if end := strings.IndexAny(s, "\a\x1b"); end >= 0 {
			return strings.TrimPrefix(s[end+1:], `\`)
		}
		return ""
	}
	s = strings.TrimLeft(s, " !\"#$%&'()*+,-./")
	return s[min(len(s), 1):]
}
