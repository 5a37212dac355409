package attach

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// fifo makes a FIFO and opens it for reading, and for writing too.
func fifo(t *testing.T, path string) *os.File {
	t.Helper()
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFrames(t *testing.T) {
	var b bytes.Buffer
	b.Write(frame(welcome))
	b.Write(frame(99, 1, 2, 3))
	b.Write(exitFrame(1 << 20))
	buf := make([]byte, maxPayload)
	for _, want := range []struct {
		k    kind
		size int
	}{{welcome, 0}, {99, 3}, {exit, 4}} {
		k, data, err := readFrame(&b, buf)
		if k != want.k || len(data) != want.size || err != nil {
			t.Errorf("%d, %v, %v; want %v", k, data, err, want)
		}
	}
	if _, _, err := readFrame(&b, buf); err != io.EOF {
		t.Error(err)
	}
	if code, err := exitCode(exitFrame(1 << 20)[headSize:]); code != 1<<20 || err != nil {
		t.Error(code, err)
	}
}

// FuzzFrames: whatever comes is read frame by frame until it ends or makes no sense.
func FuzzFrames(f *testing.F) {
	f.Add(append(frame(hello, bitPatient), frame(input, 'x', 'y')...))
	f.Add(exitFrame(137))
	f.Add([]byte{byte(input), 0, 1, 0, 1})
	f.Add([]byte{byte(input), 255, 255, 255, 255, 0})
	f.Add([]byte{byte(exit), 0, 0, 0, 2, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		buf := make([]byte, maxPayload)
		var again []byte
		for {
			k, payload, err := readFrame(r, buf)
			if err != nil {
				if errors.Is(err, io.EOF) && len(again) != len(data) {
					t.Errorf("an end after %d of %d bytes", len(again), len(data))
				}
				break
			}
			if k == exit {
				_, _ = exitCode(payload)
			}
			again = append(appendHead(again, k, len(payload)), payload...)
		}
		if !bytes.HasPrefix(data, again) {
			t.Errorf("read %x of %x", again, data)
		}
	})
}
