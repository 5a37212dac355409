package daemon

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const settingsFrame = "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00"

func TestProbeBelievesAnAnswerOnly(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		ok           bool
	}{
		{"gRPC", settingsFrame, true},
		{"closes", "", false},
		{"short", settingsFrame[:5], false},
		{"HTTP/1", "HTTP/1.1 400 Bad Request\r\n\r\n", false},
		{"another frame", "\x00\x00\x06\x05\x00\x00\x00\x00\x00", false},
		{"another stream", "\x00\x00\x06\x04\x00\x00\x00\x00\x01", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pid, err := Probe(t.Context(), listen(t, tt.answer))
			if (err == nil) != tt.ok {
				t.Errorf("error %v, want an answer: %t", err, tt.ok)
			}
			if pid != os.Getpid() {
				t.Errorf("process %d listens, got %d", os.Getpid(), pid)
			}
		})
	}
}

func TestProbeDoesNotWaitForOneThatHangs(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket) // the kernel takes connections for it
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Probe(ctx, socket); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("error %v, want the deadline's", err)
	}
}

// listen returns a socket that gives each caller the same answer.
func listen(t *testing.T, answer string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "probe") // a test's own folder can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, len(preface))
			if _, err := conn.Read(buf); err == nil {
				_, _ = conn.Write([]byte(answer))
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		os.RemoveAll(dir)
	})
	return socket
}
