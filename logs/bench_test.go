package logs

import (
	"bytes"
	"fmt"
	"testing"
)

// output is n lines such as servers print.
func output(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "GET /some/path/%08d 200 OK, 1234 bytes in 0.7 ms by worker 12\n", i)
	}
	return b.Bytes()
}

func BenchmarkCopy(b *testing.B) {
	const n = 100_000
	data := output(n)
	w, err := OpenWriter(b.TempDir(), Limits{MaxSize: 10 << 20, MaxFiles: 3})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := w.Copy(Stdout, keeping{bytes.NewReader(data)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/line")
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkRead(b *testing.B) {
	const n = 100_000
	dir := b.TempDir()
	data := output(n)
	write(b, dir, Limits{MaxSize: 4 << 20, MaxFiles: 100}, string(data))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		got := 0
		err := Read(b.Context(), Source{Dir: dir}, Query{Tail: -1}, func(Entry) error { got++; return nil })
		if err != nil || got != n {
			b.Fatal(got, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/line")
}

func BenchmarkTail(b *testing.B) {
	dir := b.TempDir()
	write(b, dir, Limits{}, string(output(100_000)))
	for b.Loop() {
		err := Read(b.Context(), Source{Dir: dir}, Query{Tail: 10}, func(Entry) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
}
