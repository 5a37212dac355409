package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// following is a Merge that goes on in the background.
type following struct {
	t      testing.TB
	cancel context.CancelFunc
	got    chan string // "name line"
	ended  chan error
}

func startFollowing(t testing.TB, q Query, sources ...Source) *following {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &following{t, cancel, make(chan string, 1<<20), make(chan error, 1)}
	q.Follow = true
	go func() {
		err := Merge(ctx, sources, q, func(s Source, e Entry) error {
			f.got <- s.Name + " " + string(e.Line)
			return nil
		})
		close(f.got)
		f.ended <- err
	}()
	t.Cleanup(cancel)
	return f
}

// expect waits for these lines, and no others, in this order.
func (f *following) expect(want ...string) {
	f.t.Helper()
	for _, w := range want {
		select {
		case got := <-f.got:
			if got != w {
				f.t.Fatalf("got %q, want %q", got, w)
			}
		case <-time.After(20 * time.Second):
			f.t.Fatalf("%q did not come", w)
		}
	}
}

// end waits for the end and returns all other lines and the error.
func (f *following) end() ([]string, error) {
	f.t.Helper()
	var rest []string
	for {
		select {
		case got, ok := <-f.got:
			if !ok {
				return rest, <-f.ended
			}
			rest = append(rest, got)
		case <-time.After(20 * time.Second):
			f.t.Fatal("following did not end")
		}
	}
}

func TestFollowGoesThroughRotationsWithoutLossOrRepeat(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, Limits{}, "before\nlast\n")
	w, err := OpenWriter(dir, Limits{MaxSize: 2000, MaxFiles: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	f := startFollowing(t, Query{Tail: 1}, Source{Name: "web", Dir: dir, Done: done})
	f.expect("web last")
	var want []string
	for i := range 3000 {
		want = append(want, fmt.Sprint("web line ", i))
		w.append(Stdout, fmt.Appendln(nil, "line", i), moreComes)
	}
	close(done)
	got, err := f.end()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d lines came, %d were written", len(got), len(want))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFollowKeepsAFileThatRotationRemoves(t *testing.T) {
	dir := t.TempDir()
	w, err := OpenWriter(dir, Limits{MaxSize: 100, MaxFiles: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	f := startFollowing(t, Query{Tail: -1}, Source{Name: "web", Dir: dir})
	for i := range 50 {
		w.append(Stdout, fmt.Appendln(nil, "a line of the log that fills a file", i), moreComes)
		f.expect(fmt.Sprint("web a line of the log that fills a file ", i))
	}
}

func TestFollowWaitsForTheRestOfALine(t *testing.T) {
	dir := t.TempDir()
	live := filepath.Join(dir, "log")
	const line = "2026-05-09T07:29:33.186000000Z stdout F whole\n"
	if err := os.WriteFile(live, []byte("2026-05-09T07:29:33.186000000Z stdout F first\n"+line[:20]), 0o600); err != nil {
		t.Fatal(err)
	}
	f := startFollowing(t, Query{Tail: -1}, Source{Name: "web", Dir: dir})
	f.expect("web first")
	file, err := os.OpenFile(live, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(line[20:]); err != nil {
		t.Fatal(err)
	}
	f.expect("web whole")
}

func TestFollowBeginsBeforeTheFirstLine(t *testing.T) {
	dir := t.TempDir()
	f := startFollowing(t, Query{Tail: -1}, Source{Name: "web", Dir: dir})
	w, err := OpenWriter(dir, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.append(Stdout, []byte("first\n"), moreComes)
	f.expect("web first")
	f.cancel()
	if _, err := f.end(); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestFollowEndsWhenAllSourcesAreDoneOrGone(t *testing.T) {
	root := t.TempDir()
	a, b := filepath.Join(root, "a"), filepath.Join(root, "logger")
	write(t, a, Limits{}, "one\n")
	write(t, b, Limits{}, "two\n")
	done := make(chan struct{})
	f := startFollowing(t, Query{Tail: -1},
		Source{Name: "a", Dir: a, Done: done}, Source{Name: "b", Dir: b}, Source{Name: "c", Dir: filepath.Join(root, "none")})
	f.expect("a one", "b two")
	write(t, a, Limits{}, "three\n")
	close(done)
	f.expect("a three")
	if err := os.RemoveAll(b); err != nil {
		t.Fatal(err)
	}
	if rest, err := f.end(); err != nil || len(rest) > 0 {
		t.Errorf("ended with %q, %v", rest, err)
	}
}

func TestFollowTakesInSourcesThatAppear(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	write(t, a, Limits{}, "one\n")
	write(t, b, Limits{}, "two\n")
	more, done := make(chan Source), make(chan struct{})
	close(done)
	f := startFollowing(t, Query{Tail: 0, More: more}, Source{Name: "a", Dir: a, Done: done})
	more <- Source{Name: "b", Dir: b, Done: done}
	f.expect("b two")
	close(more)
	if rest, err := f.end(); err != nil || len(rest) > 0 {
		t.Errorf("ended with %q, %v", rest, err)
	}
}

func TestFollowEndsAtUntil(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, Limits{}, "one\n")
	f := startFollowing(t, Query{Tail: -1, Until: time.Now().Add(50 * time.Millisecond)}, Source{Name: "web", Dir: dir})
	if rest, err := f.end(); err != nil || strings.Join(rest, ",") != "web one" {
		t.Errorf("ended with %q, %v", rest, err)
	}
}

func TestFollowLooksFromTimeToTimeWithoutTheKernelsHelp(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, Limits{}, "one\n")
	got := make(chan string, 9)
	m := &merger{emit: func(_ Source, e Entry) error { got <- string(e.Line); return nil }}
	c := &changes{}
	c.poll()
	done := make(chan struct{})
	ended := make(chan error)
	go func() {
		f := newFollower(m, Query{Tail: -1, Follow: true}, c)
		ended <- f.run(t.Context(), []Source{{Dir: dir, Done: done}})
	}()
	if line := <-got; line != "one" {
		t.Errorf("got %q", line)
	}
	write(t, dir, Limits{}, "two\n")
	if line := <-got; line != "two" {
		t.Errorf("got %q", line)
	}
	close(done)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
