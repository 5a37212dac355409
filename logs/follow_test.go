package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// observer is a Follower that runs in the background.
type observer struct {
	*Follower
	t      testing.TB
	cancel context.CancelFunc
	got    chan string // "name line"
	ended  chan error
}

func newObserver(t testing.TB) *observer {
	o := &observer{t: t, got: make(chan string, 1<<20), ended: make(chan error, 1)}
	o.Follower = NewFollower(FollowOptions{Emit: func(s Source, e Entry) error {
		o.got <- s.Name + " " + string(e.Line)
		return nil
	}})
	return o
}

func (f *observer) start() {
	ctx, cancel := context.WithCancel(f.t.Context())
	f.cancel = cancel
	go func() {
		err := f.Run(ctx)
		close(f.got)
		f.ended <- err
	}()
	f.t.Cleanup(cancel)
}

func startFollowing(t testing.TB, q Query, sources ...Source) *observer {
	t.Helper()
	f := newObserver(t)
	for _, src := range sources {
		f.Add(src, q)
	}
	f.start()
	return f
}

// expect waits for these lines, and no others, in this order.
func (f *observer) expect(want ...string) {
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
func (f *observer) end() ([]string, error) {
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
	f := startFollowing(t, Query{Tail: 1}, Source{Name: "web", Dir: dir})
	f.expect("web last")
	var want []string
	for i := range 3000 {
		want = append(want, fmt.Sprint("web line ", i))
		w.append(Stdout, fmt.Appendln(nil, "line", i), moreComes)
	}
	f.Finish()
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

func TestASourceThatIsGoneIsReadToItsEnd(t *testing.T) {
	root := t.TempDir()
	a, b := filepath.Join(root, "a"), filepath.Join(root, "logger")
	write(t, a, Limits{}, "one\n")
	write(t, b, Limits{}, "two\n")
	f := startFollowing(t, Query{Tail: -1}, Source{Name: "a", Dir: a}, Source{Name: "b", Dir: b}, Source{Name: "c", Dir: filepath.Join(root, "none")})
	f.expect("a one", "b two")
	if err := os.RemoveAll(b); err != nil {
		t.Fatal(err)
	}
	write(t, a, Limits{}, "three\n")
	f.expect("a three")
	f.Finish()
	if rest, err := f.end(); err != nil || len(rest) > 0 {
		t.Errorf("ended with %q, %v", rest, err)
	}
}

func TestFollowTakesInSourcesThatAppear(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	write(t, a, Limits{}, "one\n")
	write(t, b, Limits{}, "two\n")
	f := startFollowing(t, Query{Tail: 0}, Source{Name: "a", Dir: a})
	f.Add(Source{Name: "b", Dir: b}, Query{Tail: -1})
	f.Add(Source{Name: "b again", Dir: b}, Query{Tail: -1})
	f.expect("b two")
	f.Finish()
	if rest, err := f.end(); err != nil || len(rest) > 0 {
		t.Errorf("ended with %q, %v", rest, err)
	}
}

func TestWhatIsToBeDoneThenComesAfterWhatWasPrintedBefore(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	w, err := OpenWriter(dir, Limits{MaxSize: 1000, MaxFiles: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	f := startFollowing(t, Query{Tail: -1}, Source{Name: "web", Dir: dir}, Source{Name: "db", Dir: other})
	note := func(text string) func() error {
		return func() error { f.got <- text; return nil }
	}
	var want []string
	const runs = 300
	for i := range runs {
		for j := range i % 20 {
			line := fmt.Sprint("line ", i, " ", j)
			w.append(Stdout, []byte(line+"\n"), moreComes)
			want = append(want, "web "+line)
		}
		f.Then(dir, note(fmt.Sprint("end ", i, " ", len(want))))
	}
	var got []string
	for ended := 0; ended < runs; {
		line := <-f.got
		var i, lines int
		if _, err := fmt.Sscanf(line, "end %d %d", &i, &lines); err != nil {
			got = append(got, line)
			continue
		}
		if i != ended || len(got) < lines {
			t.Fatalf("%q came after %d lines and %d ends", line, len(got), ended)
		}
		ended++
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d lines came, %d were written", len(got), len(want))
	}
	f.Then(other, note("of nothing printed"))
	f.expect("of nothing printed")
	f.Then(filepath.Join(dir, "none"), note("of nobody"))
	f.expect("of nobody")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// Finish is an end even if somebody goes on printing faster than one can read.
func TestFinishLeavesWhatIsPrintedLater(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, Limits{}, "before\n")
	f := newObserver(t)
	f.opt.Emit = func(_ Source, e Entry) error {
		f.got <- string(e.Line)
		write(t, dir, Limits{}, "one more\n")
		return nil
	}
	f.Add(Source{Dir: dir}, Query{Tail: -1})
	f.Finish()
	f.start()
	if rest, err := f.end(); err != nil || len(rest) != 1 {
		t.Errorf("ended with %d lines, %v", len(rest), err)
	}
}

func TestIdleComesWhenAllHasBeenEmitted(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, Limits{}, string(output(1000)))
	f := newObserver(t)
	emitted, idle := 0, 0
	f.opt.Emit = func(Source, Entry) error {
		emitted++
		return nil
	}
	f.opt.Idle = func() error {
		idle = emitted
		return nil
	}
	f.Add(Source{Dir: dir}, Query{Tail: -1})
	f.Finish()
	f.start()
	if _, err := f.end(); err != nil || emitted != 1000 || idle != emitted {
		t.Errorf("idle after %d lines of %d, %v", idle, emitted, err)
	}
}

func TestWhatFailsEndsTheFollower(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, Limits{}, "one\n")
	broken := errors.New("broken pipe")
	for name, opt := range map[string]FollowOptions{
		"emit": {Emit: func(Source, Entry) error { return broken }},
		"idle": {Emit: func(Source, Entry) error { return nil }, Idle: func() error { return broken }},
	} {
		f := newObserver(t)
		f.opt = opt
		f.Add(Source{Dir: dir}, Query{Tail: -1})
		f.start()
		if _, err := f.end(); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFollowLooksFromTimeToTimeWithoutTheKernelsHelp(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, Limits{}, "one\n")
	f := newObserver(t)
	c := &changes{}
	c.poll()
	f.Add(Source{Name: "web", Dir: dir}, Query{Tail: -1})
	go func() {
		err := f.run(t.Context(), c)
		close(f.got)
		f.ended <- err
	}()
	f.expect("web one")
	write(t, dir, Limits{}, "two\n")
	f.expect("web two")
	f.Finish()
	if rest, err := f.end(); err != nil || len(rest) > 0 {
		t.Errorf("ended with %q, %v", rest, err)
	}
}
