package view

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/logs"
)

func entry(line string) logs.Entry {
	return logs.Entry{Time: time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC), Stream: logs.Stdout, Line: []byte(line)}
}

func partial(line string) logs.Entry {
	e := entry(line)
	e.Partial = true
	return e
}

type named struct {
	name string
	logs.Entry
}

func printed(t *testing.T, opt LogOptions, entries ...named) string {
	t.Helper()
	var b strings.Builder
	l := NewLogs(&b, opt)
	for _, e := range entries {
		if err := l.Print(e.name, e.Entry); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLogLines(t *testing.T) {
	lines := []named{{"web-1", entry("GET /")}, {"db-1", entry("ready")}, {"a-long-name-1", entry("")}, {"web-1", entry("GET /x")}}
	for _, c := range []struct {
		opt  LogOptions
		want string
	}{
		{LogOptions{}, "web-1  | GET /\ndb-1   | ready\na-long-name-1  | \nweb-1          | GET /x\n"},
		{LogOptions{NoPrefix: true, Colour: true, Buffered: true}, "GET /\nready\n\nGET /x\n"},
		{LogOptions{NoPrefix: true, Timestamps: true}, strings.NewReplacer("@", "2026-01-02T03:04:05.000000600Z ").Replace("@GET /\n@ready\n@\n@GET /x\n")},
		{LogOptions{Colour: true}, "\x1b[36mweb-1  | \x1b[0mGET /\n\x1b[33mdb-1   | \x1b[0mready\n\x1b[32ma-long-name-1  | \x1b[0m\n\x1b[36mweb-1          | \x1b[0mGET /x\n"},
	} {
		if got := printed(t, c.opt, lines...); got != c.want {
			t.Errorf("%+v: got\n%q, want\n%q", c.opt, got, c.want)
		}
	}
}

// Lines that come in pieces stay whole, whatever comes between.
func TestLongLogLinesStayWhole(t *testing.T) {
	stderr := entry("oops")
	stderr.Stream = logs.Stderr
	got := printed(t, LogOptions{}, named{"a-1", partial("one ")}, named{"b-1", entry("between")}, named{"a-1", stderr},
		named{"a-1", partial("two ")}, named{"a-1", entry("three")}, named{"b-1", partial("cut off")})
	if want := "b-1  | between\na-1  | oops\na-1  | one two three\nb-1  | cut off\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A line that never ends must not take all memory.
func TestEndlessLogLineComesOutInPieces(t *testing.T) {
	var b strings.Builder
	l := NewLogs(&b, LogOptions{})
	piece := partial(strings.Repeat("x", 16<<10))
	for range 80 {
		if err := l.Print("a-1", piece); err != nil {
			t.Fatal(err)
		}
	}
	if b.Len() < maxHeldLine {
		t.Errorf("only %d bytes came out", b.Len())
	}
}

// Who follows logs sees a line when it is printed.
func TestLogLinesAreWrittenAtOnce(t *testing.T) {
	var b strings.Builder
	l := NewLogs(&b, LogOptions{})
	l.Register("web-10")
	if err := l.Print("web-1", entry("GET /")); err != nil || b.String() != "web-1   | GET /\n" {
		t.Errorf("%q %v", b.String(), err)
	}
	if err := l.Status("web-1", "exited with code 0"); err != nil || !strings.HasSuffix(b.String(), "\nweb-1 exited with code 0\n") {
		t.Errorf("%q %v", b.String(), err)
	}
}

func TestTimesBeforeLogLinesAreTheirs(t *testing.T) {
	at := func(s string) logs.Entry {
		when, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return logs.Entry{Time: when, Stream: logs.Stdout, Line: []byte("x")}
	}
	began := at("2026-01-02T03:04:05.9Z")
	began.Partial = true
	got := printed(t, LogOptions{NoPrefix: true, Timestamps: true, Buffered: true},
		named{"a", at("2026-01-02T03:04:05.000000001Z")}, named{"a", at("2026-01-02T04:04:05.120000300+01:00")}, named{"a", at("2026-01-02T03:04:05Z")},
		named{"b", began}, named{"a", at("2026-01-02T03:04:06.5Z")}, named{"b", at("2026-01-02T03:04:07Z")}, named{"a", at("1969-12-31T23:59:59.25Z")})
	want := "2026-01-02T03:04:05.000000001Z x\n2026-01-02T03:04:05.120000300Z x\n2026-01-02T03:04:05.000000000Z x\n" +
		"2026-01-02T03:04:06.500000000Z x\n2026-01-02T03:04:05.900000000Z xx\n1969-12-31T23:59:59.250000000Z x\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What goes to two places comes in order where both are the same.
func TestLinesOfBothStreamsKeepTheirOrder(t *testing.T) {
	var b strings.Builder
	l := NewLogs(&b, LogOptions{NoPrefix: true, Buffered: true, Stderr: &b})
	oops := entry("second")
	oops.Stream = logs.Stderr
	for _, e := range []logs.Entry{entry("first"), oops, entry("third")} {
		if err := l.Print("a", e); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil || b.String() != "first\nsecond\nthird\n" {
		t.Errorf("%q %v", b.String(), err)
	}
}

type full struct{ writes int }

func (f *full) Write([]byte) (int, error) {
	f.writes++
	return 0, errors.New("no space left")
}

func TestNothingMoreIsWrittenAfterAnError(t *testing.T) {
	f := &full{}
	l := NewLogs(f, LogOptions{Buffered: true})
	var err error
	for n := 0; n < 10*batchSize && err == nil; n++ {
		err = l.Print("a", entry("x"))
	}
	if again := errors.Join(l.Print("a", entry("x")), l.Flush()); err == nil || again == nil || f.writes != 1 {
		t.Errorf("%v, %v, %d writes", err, again, f.writes)
	}
}
