package cmd

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/view"
)

// benchLines are how many lines the logs that are read have in all. The ratios do
// not depend on it.
const benchLines = 2_000_000

// BenchmarkLogs reads logs as `logs` does, into a pipe that is emptied, and tells
// how many lines it prints a second, and how many times as long it takes as copying
// the files does.
func BenchmarkLogs(b *testing.B) {
	for name, containers := range map[string]int{"one": 1, "four": 4} {
		infos, files := benchLogs(b, containers)
		for _, opt := range []struct {
			name string
			view.LogOptions
		}{
			{"plain", view.LogOptions{NoPrefix: true}}, {"prefix", view.LogOptions{}}, {"timestamps", view.LogOptions{Timestamps: true}},
		} {
			b.Run(name+"/"+opt.name, func(b *testing.B) {
				opt.Buffered = true
				for b.Loop() {
					drained(b, func(w io.Writer) error {
						return printLogs(b.Context(), view.NewLogs(w, opt.LogOptions), infos, logs.Query{Tail: -1})
					})
				}
				took := b.Elapsed() / time.Duration(b.N)
				began := time.Now()
				for range b.N {
					drained(b, func(w io.Writer) error { return copyFiles(w, files) })
				}
				copying := time.Since(began) / time.Duration(b.N)
				b.ReportMetric(benchLines/took.Seconds(), "lines/s")
				b.ReportMetric(float64(took)/float64(copying), "x-cat")
			})
		}
	}
}

// benchLogs writes logs of as many containers, which take turns, with rotated
// files.
func benchLogs(b *testing.B, containers int) (infos []host.Info, files []string) {
	b.Helper()
	dir := b.TempDir()
	writers := make([]*logs.Writer, containers)
	for n := range writers {
		i := host.Info{Name: fmt.Sprintf("shop-web-%d", n+1), Dir: filepath.Join(dir, strconv.Itoa(n))}
		i.Spec.Project = "shop"
		infos = append(infos, i)
		var err error
		if writers[n], err = logs.OpenWriter(i.Dir, logs.Limits{MaxSize: 20 << 20, MaxFiles: 100}); err != nil {
			b.Fatal(err)
		}
	}
	const turn = 100
	for line := 0; line < benchLines; line += turn {
		var text bytes.Buffer
		for n := range turn {
			fmt.Fprintf(&text, "%08d 192.0.2.17 - - \"GET /some/path/of/a/file HTTP/1.1\" 200 1234 0.7 ms by worker 12\n", line+n)
		}
		if err := writers[line/turn%containers].Copy(logs.Stdout, given{&text}); err != nil {
			b.Fatal(err)
		}
	}
	for n, w := range writers {
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		found, err := logFiles(infos[n].Dir)
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, found...)
	}
	return infos, files
}

// given is output that is not given twice.
type given struct{ io.Reader }

func (given) Ack(int) error { return nil }

// drained has do write into a pipe that is emptied meanwhile.
func drained(b *testing.B, do func(io.Writer) error) {
	b.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	emptied := make(chan error)
	go func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, make([]byte, 1<<20))
		emptied <- err
	}()
	if err := do(w); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	if err := <-emptied; err != nil {
		b.Fatal(err)
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
}

// copyFiles is what cat does.
func copyFiles(w io.Writer, files []string) error {
	buf := make([]byte, 128<<10)
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{f}, buf)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
