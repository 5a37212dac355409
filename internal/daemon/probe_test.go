package daemon

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gocompose/gocompose/internal/livetest"
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
			pid, err := Probe(t.Context(), livetest.Answer(t, tt.answer))
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
