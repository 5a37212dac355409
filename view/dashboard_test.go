package view

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func board3() Dashboard {
	return Dashboard{
		Project: "shop", Time: time.Date(2026, 3, 2, 12, 30, 5, 0, time.UTC), ShowLogs: true,
		Rows: []DashboardRow{
			{"db-1", "running", "healthy", "1.25%", "120MiB", "5.86%", "1.2kB / 648B", "0", Good},
			{"web-1", "running", "starting", "103.10%", "7.5MiB", "0.37%", "12.3MB / 1.26GB", "2", Fair},
			{"web-2", "exited (1)", "", "", "", "", "", "11", Bad},
		},
		Logs: []string{"first", "\x1b[32mGET\x1b[0m /\tok\r", "\x1b]0;a title\alast \x1b(Bwords"},
	}
}

func TestTheDashboardIsDrawn(t *testing.T) {
	var b strings.Builder
	draw := func(what string, d Dashboard, columns, rows int) {
		lines := d.Lines(columns, rows)
		if len(lines) != rows {
			t.Errorf("%s: %d lines of %d", what, len(lines), rows)
		}
		for _, l := range lines {
			if visible(l) > columns {
				t.Errorf("%s: %q is wider than %d", what, l, columns)
			}
		}
		fmt.Fprintf(&b, "== %s\n%s\n", what, strings.ReplaceAll(strings.Join(lines, "\n"), "\x1b", "^"))
	}
	d := board3()
	draw("as a whole", d, 100, 12)
	d.Selected, d.Colour = 1, true
	draw("in colour, the second selected", d, 100, 12)
	d.Colour, d.ShowLogs = false, false
	draw("without logs", d, 100, 12)
	draw("narrow", d, 30, 7)
	d.ShowLogs, d.Selected = true, 2
	draw("low: the selected one is shown, and the last lines", d, 60, 6)
	d.Trouble = "the engine does not answer"
	draw("with trouble", d, 60, 5)
	draw("of nothing", Dashboard{Project: "empty", ShowLogs: true}, 60, 6)
	golden(t, "dashboard.txt", b.String())
}

func TestTheDashboardFitsAnyTerminal(t *testing.T) {
	for columns := 1; columns < 120; columns += 7 {
		for rows := 1; rows < 20; rows++ {
			for selected := range 3 {
				for _, logs := range []bool{true, false} {
					for _, colour := range []bool{true, false} {
						d := board3()
						d.Selected, d.ShowLogs, d.Colour = selected, logs, colour
						lines := d.Lines(columns, rows)
						if len(lines) != rows {
							t.Fatalf("%d lines on %d by %d", len(lines), columns, rows)
						}
						for _, l := range lines {
							if visible(l) > columns {
								t.Fatalf("%q on %d by %d", l, columns, rows)
							}
						}
						if text := strings.Join(lines, "\n"); rows > 3 && columns > 8 && !strings.Contains(text, "> "+d.Rows[selected].Name[:3]) {
							t.Fatalf("the selected row %d is not seen on %d by %d:\n%s", selected, columns, rows, text)
						}
					}
				}
			}
		}
	}
}

func TestAFullScreenIsGivenBack(t *testing.T) {
	var out strings.Builder
	s := NewFullScreen(&out, func() (int, int) { return 10, 3 })
	draw := func(lines ...string) string {
		out.Reset()
		columns, rows := s.Size()
		if err := s.Draw(lines, columns, rows); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got := out.String(); got != "\x1b[?1049h\x1b[?25l" {
		t.Errorf("opened by %q", got)
	}
	if got, want := draw("a", "", "c"), "\x1b[2J\x1b[1;1H\x1b[Ka\x1b[3;1H\x1b[Kc"; got != want {
		t.Errorf("first %q, want %q", got, want)
	}
	if got, want := draw("a", "b", ""), "\x1b[2;1H\x1b[Kb\x1b[3;1H\x1b[K"; got != want {
		t.Errorf("what has changed: %q, want %q", got, want)
	}
	if got := draw("a", "b", ""); got != "" {
		t.Errorf("nothing has changed: %q", got)
	}
	s.Redraw()
	if got := draw("a", "b", ""); !strings.HasPrefix(got, "\x1b[2J") {
		t.Errorf("drawn anew: %q", got)
	}
	out.Reset()
	if err := s.Close(); err != nil || out.String() != "\x1b[?25h\x1b[?1049l" {
		t.Errorf("closed by %q, %v", out.String(), err)
	}
}
