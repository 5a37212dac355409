package forward

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/options"
)

func TestAServerThatIsNotThereHoldsUpNobody(t *testing.T) {
	path := socket(t)
	f, notes := open(t, options.Forward{Driver: options.Syslog, Address: "unix://" + path, Tag: "t", Buffer: 2000})
	print(t, f, logs.Stdout, "first\n")
	notes.await(t)
	if got := notes.all(); !strings.HasPrefix(got, "lines cannot be sent to syslog at unix://"+path+": ") || !strings.HasSuffix(got, ": trying again") {
		t.Errorf("note %q", got)
	}
	print(t, f, logs.Stdout, strings.Repeat("0123456789\n", 100)) // more than the buffer holds
	s := serve(t, "unix", path)
	got := s.await(t, "first", "lines lost: ")
	var lost int
	_, text, _ := strings.Cut(got, "<3>")
	if _, err := fmt.Sscanf(text[strings.Index(text, "]: ")+3:], "%d lines lost", &lost); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	if lines := strings.Count(got, "0123456789"); lines+lost != 100 || lost == 0 || lines == 0 {
		t.Errorf("%d lines came, %d are said to be lost", lines, lost)
	}
	if strings.Contains(notes.all(), "\n") {
		t.Errorf("notes %q", notes.all())
	}
}

func TestAServerThatComesBackGetsTheRest(t *testing.T) {
	first := serve(t, "tcp", "127.0.0.1:0") // where the first write after the end succeeds
	address := first.Addr().String()
	f, notes := open(t, options.Forward{Driver: options.Fluentd, Address: "tcp://" + address, Tag: "t"})
	print(t, f, logs.Stdout, "before\n")
	first.await(t, "before")
	first.stop()
	print(t, f, logs.Stdout, "meanwhile\n")
	notes.await(t)
	second := serve(t, "tcp", address)
	print(t, f, logs.Stdout, "after\n")
	got := second.await(t, "meanwhile", "after")
	if strings.Contains(got, "before") {
		t.Errorf("sent twice: %q", got)
	}
}

func TestTheEndWaitsForNobody(t *testing.T) {
	path := socket(t)
	f, notes := open(t, options.Forward{Driver: options.Syslog, Address: "unix://" + path, Tag: "t"})
	print(t, f, logs.Stdout, "one\ntwo\n")
	f.Close()
	select {
	case <-f.Done():
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	if !strings.HasSuffix(notes.all(), "\n2 lines were not sent to syslog at unix://"+path) {
		t.Errorf("notes %q", notes.all())
	}
}

func TestWhatIsLeftIsSentAtTheEnd(t *testing.T) {
	path := socket(t)
	s := serve(t, "unix", path)
	f, _ := open(t, options.Forward{Driver: options.Syslog, Address: "unix://" + path, Tag: "t"})
	print(t, f, logs.Stdout, strings.Repeat("line\n", 5000)+"last words")
	f.Close()
	<-f.Done()
	if got := s.await(t, "last words\n"); strings.Count(got, "line\n") != 5000 {
		t.Errorf("%d lines", strings.Count(got, "line\n"))
	}
}

// flaky is a server that breaks in the middle of a batch.
type flaky struct {
	got   []string
	fails int
}

func (f *flaky) dial(context.Context) (sender, error) { return f, nil }
func (f *flaky) Close() error                         { return nil }
func (f *flaky) send(batch []Message) (int, error) {
	for i, m := range batch {
		if f.fails > 0 && i == 1 {
			f.fails--
			return i, errBroken
		}
		f.got = append(f.got, string(m.Line))
	}
	return len(batch), nil
}

func TestNothingIsSentTwice(t *testing.T) {
	for retries, want := range map[int]string{0: "a b c d", 9: "a b c d", 1: "a b"} {
		d := &flaky{fails: 2}
		n := newNotes()
		f := &Forwarder{config: options.Forward{Retries: retries, RetryWait: time.Millisecond}, dialer: d, note: n.add}
		c := connection{Forwarder: f}
		unsent := c.deliver(t.Context(), []Message{{Line: []byte("a")}, {Line: []byte("b")}, {Line: []byte("c")}, {Line: []byte("d")}})
		if got := strings.Join(d.got, " "); got != want || unsent != 4-len(d.got) {
			t.Errorf("%d retries: sent %q, %d not", retries, got, unsent)
		}
	}
}

func TestLinesAndTheirPieces(t *testing.T) {
	var got []Message
	s := splitter{stream: logs.Stdout, put: func(m Message) { got = append(got, m) }, now: time.Now}
	long := strings.Repeat("x", 2*logs.MaxLine+5)
	data := "one\n\n" + long + "\n" + strings.Repeat("y", logs.MaxLine) + "\nrest"
	for i := 0; i < len(data); i += 1000 {
		s.write([]byte(data[i:min(i+1000, len(data))]))
	}
	s.end()
	s.end()
	var parts []string
	for _, m := range got {
		parts = append(parts, fmt.Sprintf("%d:%d:%v", len(m.Line), m.Piece.Ordinal, m.Piece.Last))
	}
	want := fmt.Sprintf("3:0:false 0:0:false %d:1:false %[1]d:2:false 5:3:true %[1]d:0:false 4:0:false", logs.MaxLine)
	if strings.Join(parts, " ") != want {
		t.Errorf("got %v, want %s", parts, want)
	}
	if got[2].Piece.Of == 0 || got[2].Piece.Of != got[4].Piece.Of {
		t.Errorf("pieces of %d and %d", got[2].Piece.Of, got[4].Piece.Of)
	}
	var all strings.Builder
	for _, m := range got[2:5] {
		all.Write(m.Line)
	}
	if all.String() != long {
		t.Error("the pieces are not the line")
	}
}

func TestOpenRefusesWhatIsNoAddress(t *testing.T) {
	for _, c := range []options.Forward{
		{Driver: options.Syslog, Address: "http://x"}, {Driver: options.Fluentd, Address: "udp://x"}, {Driver: "gelf"},
		{Driver: options.Syslog, Address: "tcp+tls://x", TLS: options.TLS{CA: "/nowhere"}},
	} {
		if _, err := Open(c, nil); err == nil {
			t.Errorf("%+v is opened", c)
		}
	}
	if got := withPort("host", "514") + withPort("[::1]:7", "514"); got != "host:514[::1]:7" {
		t.Error(got)
	}
	if _, err := net.ResolveTCPAddr("tcp", withPort("127.0.0.1", "514")); err != nil {
		t.Error(err)
	}
}
