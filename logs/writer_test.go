package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

// text returns all entries of one stream as what was printed.
func text(t testing.TB, dir string, s Stream) string {
	t.Helper()
	var b strings.Builder
	for _, e := range entries(t, dir, Query{Tail: -1}) {
		if e.Stream != s {
			continue
		}
		b.Write(e.Line)
		if !e.Partial {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// entries reads one log into memory.
func entries(t testing.TB, dir string, q Query) []Entry {
	t.Helper()
	var all []Entry
	err := Read(t.Context(), Source{Dir: dir}, q, func(e Entry) error {
		e.Line = bytes.Clone(e.Line)
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// lines returns the texts of entries.
func lines(all []Entry) []string {
	var out []string
	for _, e := range all {
		out = append(out, string(e.Line))
	}
	return out
}

// write appends s to the log in dir.
func write(t testing.TB, dir string, l Limits, s string) {
	t.Helper()
	w, err := OpenWriter(dir, l)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Copy(Stdout, keeping{strings.NewReader(s)}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// chunks reads data in pieces of the given sizes, repeated.
type chunks struct {
	data  []byte
	sizes []int
	i     int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.data[:min(len(c.data), c.sizes[c.i%len(c.sizes)])])
	c.data = c.data[n:]
	c.i++
	return n, nil
}

func TestAnyStreamInAnyChunksReadsBackTheSame(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			t.Fatal(err)
		}
		piece := rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 0, 200),
			rapid.Just([]byte("\n")),
			rapid.Map(rapid.IntRange(MaxLine-2, 3*MaxLine), func(n int) []byte { return bytes.Repeat([]byte("x"), n) }),
		)
		data := bytes.Join(rapid.SliceOfN(piece, 0, 30).Draw(rt, "data"), nil)
		sizes := rapid.SliceOfN(rapid.IntRange(1, 3*readSize), 1, 5).Draw(rt, "chunks")
		limits := Limits{
			MaxSize:  rapid.SampledFrom([]int64{0, 1, 100, 20_000, 200_000}).Draw(rt, "size"),
			MaxFiles: 1 << 20,
		}
		w, err := OpenWriter(dir, limits)
		if err != nil {
			t.Fatal(err)
		}
		w.limits.MaxFiles = 1000
		if err := w.Copy(Stderr, keeping{&chunks{data: data, sizes: sizes}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := text(t, dir, Stderr); got != string(data) {
			rt.Fatalf("%d bytes written, %d read back", len(data), len(got))
		}
		for _, e := range entries(t, dir, Query{Tail: -1}) {
			if len(e.Line) > MaxLine {
				rt.Fatalf("an entry of %d bytes", len(e.Line))
			}
		}
	})
}

func TestALineOfExactlyTheLimitIsWhole(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, Limits{}, strings.Repeat("x", MaxLine)+"\n"+strings.Repeat("y", MaxLine+1)+"\nend")
	var got []string
	for _, e := range entries(t, dir, Query{Tail: -1}) {
		got = append(got, fmt.Sprint(len(e.Line), e.Partial))
	}
	if want := "16384 false 16384 true 1 false 3 true"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFilesStayWithinTheirLimits(t *testing.T) {
	dir := t.TempDir()
	limits := Limits{MaxSize: 1000, MaxFiles: 3}
	for i := range 50 {
		write(t, dir, limits, fmt.Sprintf("line %d\nand more\n", i))
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 {
		t.Errorf("%d files", len(files))
	}
	for _, f := range files {
		if info, _ := f.Info(); info.Size() > 1000 {
			t.Errorf("%s has %d bytes", f.Name(), info.Size())
		}
	}
	got := lines(entries(t, dir, Query{Tail: -1}))
	if last := got[len(got)-2:]; last[0] != "line 49" || last[1] != "and more" {
		t.Errorf("ends with %q", last)
	}
}

func TestFewerFilesThanBeforeLeavesNoneOver(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, Limits{MaxSize: 100, MaxFiles: 9}, strings.Repeat("some text\n", 20))
	write(t, dir, Limits{MaxSize: 100, MaxFiles: 2}, strings.Repeat("some text\n", 20))
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Errorf("files: %v", files)
	}
}

func TestTwoStreamsKeepTheirLines(t *testing.T) {
	dir := t.TempDir()
	w, err := OpenWriter(dir, Limits{MaxSize: 50_000, MaxFiles: 1000})
	if err != nil {
		t.Fatal(err)
	}
	out, errs := strings.Repeat("to out\n", 5000), strings.Repeat("to err\n", 5000)
	var wg sync.WaitGroup
	wg.Go(func() { _ = w.Copy(Stdout, keeping{iotest.HalfReader(strings.NewReader(out))}) })
	wg.Go(func() { _ = w.Copy(Stderr, keeping{strings.NewReader(errs)}) })
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if text(t, dir, Stdout) != out || text(t, dir, Stderr) != errs {
		t.Error("lines differ")
	}
}

func TestAFailingReaderIsToldAndWhatItGaveIsKept(t *testing.T) {
	dir := t.TempDir()
	w, err := OpenWriter(dir, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("broken")
	r := io.MultiReader(strings.NewReader("one\ntwo"), iotest.ErrReader(cause))
	if err := w.Copy(Stdout, keeping{r}); !errors.Is(err, cause) {
		t.Errorf("error %v", err)
	}
	if got := text(t, dir, Stdout); got != "one\ntwo" {
		t.Errorf("kept %q", got)
	}
}

func TestALineTornByADeadWriterDoesNotHarmTheNext(t *testing.T) {
	const whole = "2026-05-09T07:29:33.186000000Z stdout F first\n"
	for _, torn := range []string{"2026-05", "2026-05-09T07:29:33.186000000Z stdout F", "2026-05-09T07:29:33.186000000Z stdout F sec"} {
		dir := t.TempDir()
		live := filepath.Join(dir, "log")
		if err := os.WriteFile(live, []byte(whole+torn), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := text(t, dir, Stdout); got != "first\n" {
			t.Errorf("%q: before repair %q", torn, got)
		}
		write(t, dir, Limits{}, "third\n")
		want := "first\nthird\n"
		if strings.HasSuffix(torn, "sec") {
			want = "first\nsec\nthird\n"
		}
		if got := text(t, dir, Stdout); got != want {
			t.Errorf("%q: after repair %q", torn, got)
		}
	}
}

// disk is a file on a disk with room for some bytes more.
type disk struct {
	*os.File
	room *int
}

func (d disk) Write(p []byte) (int, error) {
	if len(p) <= *d.room {
		*d.room -= len(p)
		return d.File.Write(p)
	}
	n, _ := d.File.Write(p[:*d.room])
	*d.room = 0
	return n, &os.PathError{Op: "write", Path: d.Name(), Err: syscall.ENOSPC}
}

// onDisk opens a writer on a disk.
func onDisk(t testing.TB, dir string, room *int) *Writer {
	t.Helper()
	w := &Writer{dir: dir, now: time.Now, open: func(name string) (io.WriteCloser, int64, error) {
		f, size, err := openLive(name)
		if err != nil {
			return nil, 0, err
		}
		return disk{f.(*os.File), room}, size, nil
	}}
	if err := w.reopen(); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestLinesLostOnAFullDiskAreCounted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		room := 0
		w := onDisk(t, dir, &room)
		total := 0
		for range rapid.IntRange(1, 8).Draw(rt, "batches") {
			room = rapid.IntRange(0, 400).Draw(rt, "room")
			n := rapid.IntRange(0, 5).Draw(rt, "lines")
			total += n
			w.append(Stdout, []byte(strings.Repeat("a line\n", n)), moreComes)
		}
		room = 1 << 20
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for _, e := range entries(t, dir, Query{Tail: -1}) {
			lost := 0
			switch _, err := fmt.Sscanf(string(e.Line), "%d lines lost: no space left on device", &lost); {
			case err == nil && e.Stream == Stderr:
				total -= lost
			case string(e.Line) == "a line":
				total--
			default:
				rt.Fatalf("entry %q", e.Line)
			}
		}
		if total != 0 {
			rt.Fatalf("%d lines unaccounted for", total)
		}
	})
}

func TestAFolderThatIsGoneHoldsNobodyUp(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	w, err := OpenWriter(dir, Limits{MaxSize: 100, MaxFiles: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := w.Copy(Stdout, keeping{strings.NewReader(strings.Repeat("some text\n", 1000))}); err != nil {
		t.Error(err)
	}
	if w.lost == 0 || w.cause == nil {
		t.Error("nothing counted as lost")
	}
}

// keeping is a reader that does not care what of it is kept.
type keeping struct{ io.Reader }

func (keeping) Ack(int) error { return nil }

// counting counts what is acknowledged.
type counting struct {
	io.Reader
	given, acked int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.given += n
	return n, err
}

func (c *counting) Ack(n int) error {
	c.acked += n
	return nil
}

func TestWhatIsWrittenIsAcknowledged(t *testing.T) {
	dir := t.TempDir()
	w, err := OpenWriter(dir, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	r := &counting{Reader: iotest.OneByteReader(strings.NewReader("one\ntwo\nthree"))}
	if err := w.Copy(Stdout, r); err != nil {
		t.Fatal(err)
	}
	if r.acked != r.given || r.acked != len("one\ntwo\nthree") {
		t.Errorf("%d bytes acknowledged of %d", r.acked, r.given)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
