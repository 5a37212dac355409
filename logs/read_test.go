package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 5, 9, 7, 0, 0, 0, time.UTC)

// second is a time that many seconds after the test's beginning of time.
func second(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }

// clocked opens a writer whose clock goes on by a second with each batch.
func clocked(t testing.TB, dir string, l Limits, first, step int) *Writer {
	t.Helper()
	w, err := OpenWriter(dir, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	n := first - step
	w.now = func() time.Time { n += step; return second(n) }
	return w
}

func TestSinceUntilAndTailChooseWhatAFullReadWould(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			t.Fatal(err)
		}
		limits := Limits{MaxSize: rapid.SampledFrom([]int64{0, 300, 300_000}).Draw(rt, "size"), MaxFiles: 999}
		w := clocked(t, dir, limits, 0, 1)
		n := rapid.IntRange(0, 60).Draw(rt, "lines")
		width := rapid.SampledFrom([]int{1, 100, 9000, MaxLine + 9, 3 * MaxLine}).Draw(rt, "width")
		var all []string
		for i := range n {
			line := fmt.Sprint(i, strings.Repeat("x", width))
			all = append(all, line)
			w.append(Stdout, []byte(line+"\n"), moreComes)
		}
		q := Query{Tail: rapid.IntRange(-1, 70).Draw(rt, "tail")}
		from, to := 0, n
		if rapid.Bool().Draw(rt, "since?") {
			from = rapid.IntRange(0, 60).Draw(rt, "since")
			q.Since = second(from)
		}
		if rapid.Bool().Draw(rt, "until?") {
			until := rapid.IntRange(0, 60).Draw(rt, "until")
			q.Until = second(until)
			to = min(to, until+1)
		}
		want := all[min(from, to):to]
		if q.Tail >= 0 {
			want = want[max(0, len(want)-q.Tail):]
		}
		var got strings.Builder
		for _, e := range entries(t, dir, q) {
			got.Write(e.Line)
			if !e.Partial {
				got.WriteByte('\n')
			}
		}
		if wanted := strings.Join(append(slices.Clone(want), ""), "\n"); got.String() != wanted {
			rt.Fatalf("got %d bytes, want %d lines in %d bytes", got.Len(), len(want), len(wanted))
		}
	})
}

func TestATailReadsOnlyTheEndOfALongLog(t *testing.T) {
	dir := t.TempDir()
	w := clocked(t, dir, Limits{MaxSize: 1 << 20, MaxFiles: 9}, 0, 1)
	w.append(Stdout, []byte(strings.Repeat("old\n", 60_000)+"new\n"), moreComes)
	segs, err := openSegments(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer segs.close()
	at, err := segs.seekTail(Query{Tail: 1})
	if err != nil {
		t.Fatal(err)
	}
	info, err := segs[len(segs)-1].Stat()
	if err != nil {
		t.Fatal(err)
	}
	if at.seg != len(segs)-1 || info.Size()-at.off > 100 {
		t.Errorf("begins at %+v of %d files", at, len(segs))
	}
}

func TestALogThatIsNotThereHasNoEntries(t *testing.T) {
	if got := entries(t, t.TempDir()+"/none", Query{Tail: -1}); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if got := entries(t, t.TempDir(), Query{Tail: 5, Since: epoch}); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestMergeIsInOrderOfTimeAndTailsEach(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	wa, wb := clocked(t, a, Limits{}, 0, 2), clocked(t, b, Limits{MaxSize: 100, MaxFiles: 50}, 1, 2)
	for i := range 10 {
		wa.append(Stdout, fmt.Appendln(nil, "a", i), moreComes)
		wb.append(Stderr, fmt.Appendln(nil, "b", i), moreComes)
	}
	var got []string
	err := Merge(t.Context(), []Source{{Name: "A", Dir: a}, {Name: "B", Dir: b}}, Query{Tail: 2},
		func(s Source, e Entry) error {
			got = append(got, s.Name+" "+string(e.Line))
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"A a 8", "B b 8", "A a 9", "B b 9"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestErrorsOfEmitAndContextEndReading(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, Limits{}, "one\ntwo\n")
	cause := errors.New("no more, please")
	err := Read(t.Context(), Source{Dir: dir}, Query{Tail: -1}, func(Entry) error { return cause })
	if !errors.Is(err, cause) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = Read(ctx, Source{Dir: dir}, Query{Tail: -1}, func(Entry) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestForeignLinesAreSkipped(t *testing.T) {
	dir := t.TempDir()
	junk := strings.Repeat("z", 9*maxRecord)
	data := "junk\n" + "2026-05-09T07:29:33.186Z stdout F one\n" + junk + "\n" + "2026-05-09T07:29:34.186Z stdout F two\n\n"
	if err := os.WriteFile(dir+"/log", []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, q := range []Query{{Tail: -1}, {Tail: 2}, {Tail: -1, Since: epoch}} {
		if got := lines(entries(t, dir, q)); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("%+v: got %q", q, got)
		}
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add([]byte("2026-05-09T07:29:33.186Z stdout F one\n2026"), 1)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		dir := t.TempDir()
		if err := os.WriteFile(dir+"/log", data, 0o600); err != nil {
			t.Fatal(err)
		}
		all := lines(entries(t, dir, Query{Tail: -1}))
		tail := lines(entries(t, dir, Query{Tail: max(n, 0)}))
		if len(tail) > len(all) || !slices.Equal(tail, all[len(all)-len(tail):]) {
			t.Fatalf("the tail %q is not the end of %q", tail, all)
		}
		if len(all) > bytes.Count(data, []byte{'\n'}) {
			t.Fatalf("%d entries", len(all))
		}
	})
}
