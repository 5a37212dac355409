package view

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/planner"
)

// Log lines that come while progress is shown scroll by above it: each is there
// once, in order, whole, and below them the last state of all resources.
func TestLinesScrollByAboveProgress(t *testing.T) {
	for _, rows := range []int{6, 12, 24} {
		synctest.Test(t, func(t *testing.T) {
			moving, term := newTerminal(80, rows), newTerminal(80, rows)
			film(t, ProgressOptions{}, moving)
			c := &Console{}
			lines := NewLogs(c.Above(term), LogOptions{Stderr: c.Above(term)})
			var want strings.Builder
			var printing sync.WaitGroup
			printing.Go(func() {
				for i := range 60 {
					e := entry(fmt.Sprint("line ", i))
					if i%3 == 0 {
						e.Stream = logs.Stderr
					}
					if err := lines.Print("web-1", e); err != nil {
						t.Error(err)
					}
					fmt.Fprintln(&want, "web-1  | line", i)
					time.Sleep(37 * time.Millisecond)
				}
			})
			film(t, ProgressOptions{Console: c}, term)
			printing.Wait()
			if err := lines.Print("web-1", entry("after it")); err != nil {
				t.Fatal(err)
			}
			got, board := term.String(), strings.TrimSuffix(moving.String(), "\n")
			above, below, ok := strings.Cut(got, "[+] up")
			if !ok || above != want.String() || !strings.HasSuffix(below, "\nweb-1  | after it\n") {
				t.Errorf("%d rows: got\n%s", rows, got)
			}
			if strings.Count("[+] up"+below, "\n") != strings.Count(board, "\n")+2 {
				t.Errorf("%d rows: below the lines\n%s\nwant\n%s", rows, below, board)
			}
			if term.hidden || len(term.unknown) > 0 {
				t.Errorf("cursor hidden: %v, unknown sequences: %q", term.hidden, term.unknown)
			}
		})
	}
}

// A line is there with the next frame, not when all is done.
func TestALineAboveProgressIsSeenSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := newTerminal(80, 24)
		c := &Console{}
		go func() {
			time.Sleep(time.Second)
			_, _ = io.WriteString(c.Above(term), "database refuses to start\n")
		}()
		frames := film(t, ProgressOptions{Console: c}, term, 950*time.Millisecond, 1150*time.Millisecond)
		if strings.Contains(frames[0], "database") || !strings.HasPrefix(frames[1], "database refuses to start\n[+] up") {
			t.Errorf("before\n%s\nafter\n%s", frames[0], frames[1])
		}
	})
}

// Lines and plain progress in one file do not tear each other apart.
func TestPlainProgressBesideLines(t *testing.T) {
	w, plan := shopPlan(t, planner.Options{})
	var b bytes.Buffer // which the console guards
	c := &Console{}
	var printing sync.WaitGroup
	out := c.Beside(&b)
	printing.Go(func() {
		for range 100 {
			_, _ = io.WriteString(out, "line\n")
		}
	})
	if err := show(t, w, plan, NewProgress(&b, ProgressOptions{Mode: ModePlain, Console: c})); err != nil {
		t.Fatal(err)
	}
	printing.Wait()
	if n := strings.Count(b.String(), "line\n"); n != 100 {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}

func TestLinesOfStandardErrorGoThere(t *testing.T) {
	var out, errs, both bytes.Buffer
	for _, w := range []struct{ out, err io.Writer }{{&out, &errs}, {&both, &both}} {
		l := NewLogs(w.out, LogOptions{Stderr: w.err, Buffered: true})
		for _, s := range []logs.Stream{logs.Stdout, logs.Stderr, logs.Stdout} {
			e := entry(string(s))
			e.Stream = s
			if err := l.Print("a-1", e); err != nil {
				t.Fatal(err)
			}
		}
		held := partial("unfinished")
		if err := l.Print("a-1", held); err != nil {
			t.Fatal(err)
		}
		if err := l.Status("a-1", "exited with code 1"); err != nil {
			t.Fatal(err)
		}
		if err := l.Note("that was all"); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	const rest = "a-1  | unfinished\na-1 exited with code 1\nthat was all\n"
	if got, want := out.String(), "a-1  | stdout\na-1  | stdout\n"+rest; got != want {
		t.Errorf("stdout %q, want %q", got, want)
	}
	if got, want := errs.String(), "a-1  | stderr\n"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
	if got, want := both.String(), "a-1  | stdout\na-1  | stderr\na-1  | stdout\n"+rest; got != want {
		t.Errorf("both %q, want %q", got, want)
	}
}

// Who does not read standard output any more does not keep progress from being
// shown, and so not the plan from being carried out.
func TestABlockedOutputKeepsNobodyElse(t *testing.T) {
	w, plan := shopPlan(t, planner.Options{})
	c := &Console{}
	unread, blocked := io.Pipe()
	go func() { _, _ = c.Beside(blocked).Write([]byte("line\n")) }()
	if _, err := unread.Read(make([]byte, 1)); err != nil { // and no more
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := show(t, w, plan, NewProgress(&b, ProgressOptions{Mode: ModePlain, Console: c})); err != nil || b.Len() == 0 {
		t.Errorf("%v\n%s", err, &b)
	}
	_ = unread.Close()
}

// Two descriptors of one file are one output.
func TestOneFileIsOneOutput(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	var files [3]*os.File
	for i := range files {
		f, err := os.OpenFile(name+strings.Repeat("x", i/2), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	c := &Console{}
	if c.output(files[0]) != c.output(files[1]) || c.output(files[0]) == c.output(files[2]) {
		t.Error("outputs are confused")
	}
}
