package shim

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/shim/options"
)

func TestWhatIsPrintedIsKeptAndSent(t *testing.T) {
	r := newRig(t)
	conn, err := net.ListenPacket("unixgram", filepath.Join(r.bundle, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r.options.Forward = options.Forward{Driver: options.Syslog, Address: "unix://" + filepath.Join(r.bundle, "s"), Tag: "t", Buffer: 1 << 20}
	r.start()
	r.print(r.inner.out, "hello\n")
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1000)
	n, _, err := conn.ReadFrom(buf)
	if err != nil || !strings.HasSuffix(string(buf[:n]), ": hello") {
		t.Errorf("sent %q, %v", buf[:n], err)
	}
	r.inner.finish(0)
	r.inner.closeOutput()
	r.delete()
	if got := r.log(); got != "stdout:hello\n" {
		t.Errorf("kept %q", got)
	}
}

func TestAServerThatIsNotThereIsNotedInTheLog(t *testing.T) {
	r := newRig(t)
	r.options.Forward = options.Forward{Driver: options.Syslog, Address: "unix://" + filepath.Join(r.bundle, "none"), Tag: "t", Buffer: 1 << 20}
	r.start()
	r.print(r.inner.out, "hello\n")
	for end := time.Now().Add(20 * time.Second); !strings.Contains(r.log(), "stderr:gocompose: lines cannot be sent to syslog"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("kept %q", r.log())
		}
	}
	r.inner.finish(0)
	r.inner.closeOutput()
	r.delete() // nobody waits for the server
	if got := r.log(); !strings.Contains(got, "stdout:hello\n") || strings.Contains(got, "not sent") {
		t.Errorf("kept %q", got)
	}
}
