package shim

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/options"
)

// TestWhatAShimLeftUnreadIsRescued: the shim is killed between the reading and
// the writing of what a container has printed; the container prints more, and
// ends.
func TestWhatAShimLeftUnreadIsRescued(t *testing.T) {
	o := options.Options{Dir: t.TempDir(), Driver: options.JSONFile}
	bundle := t.TempDir()
	var killed []*tap
	var container []*os.File
	for _, stream := range streamsOf(false) {
		tap, err := makeTap(stream, fifo(bundle, stream))
		if err != nil {
			t.Fatal(err)
		}
		out, err := tap.outlet()
		if err != nil {
			t.Fatal(err)
		}
		killed, container = append(killed, tap), append(container, out)
	}
	for i, out := range container {
		if _, err := out.WriteString("read\n"); err != nil {
			t.Fatal(err)
		}
		if n, err := killed[i].Read(make([]byte, 100)); n != 5 || err != nil {
			t.Fatal(n, err)
		}
		if err := killed[i].Close(); err != nil { // as the kernel does
			t.Fatal(err)
		}
		if _, err := out.WriteString("unread\n"); err != nil { // nobody reads, and yet no EPIPE
			t.Fatal(err)
		}
	}
	rest, err := openRescue(o, bundle)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range container {
		out.Close()
	}
	if err := rest.finish(); err != nil {
		t.Fatal(err)
	}
	r := rig{t: t, options: o}
	if got, want := r.log(), "stdout:read\nstdout:unread\nstderr:read\nstderr:unread\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
}

func TestWhatIsAcknowledgedIsNotReadAgain(t *testing.T) {
	tap, err := makeTap(logs.Stdout, filepath.Join(t.TempDir(), "fifo"))
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	r := rig{t: t}
	r.print(tap.writer, "abcdef")
	buf := make([]byte, 3)
	for _, want := range []string{"abc", "def"} {
		n, err := tap.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Fatalf("read %q, %v; want %q", buf[:n], err, want)
		}
		if err := tap.Ack(n); err != nil {
			t.Fatal(err)
		}
	}
	if err := tap.release(); err != nil {
		t.Fatal(err)
	}
	if _, err := tap.Read(buf); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}
