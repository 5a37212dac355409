package livetest

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// Answer returns a socket that gives each caller the same answer.
func Answer(t *testing.T, answer string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gct-") // a test's own folder can be too long for a socket
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
			buf := make([]byte, 256)
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
