package attach

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// Who comes when the connections are being ended, and says nothing, is not waited for:
// with the shim everything after the container waits.
func TestWhoComesTooLateIsNotHeard(t *testing.T) {
	dir := t.TempDir()
	s, err := Listen(filepath.Join(dir, "socket"), &pipeInput{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Withdraw(); err != nil {
			t.Error(err)
		}
		s.Close(t.Context())
	}()
	s.mu.Lock()
	s.closed = true // as Close does, before it looks who is there
	s.mu.Unlock()
	conn, err := net.Dial("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(helloLimit / 2)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want the end of the connection", err)
	}
}
