package forward

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/options"
)

func TestTheJournalGetsItsFields(t *testing.T) {
	path := socket(t)
	_, next := packets(t, "unixgram", path)
	f, _ := open(t, options.Forward{Driver: options.Journald, Address: "unixgram://" + path, Fields: map[string]string{
		"CONTAINER_NAME": "shop-web-1", "MULTI": "a\nb",
	}})
	print(t, f, logs.Stdout, "hello\n")
	got := next()
	multi := "MULTI\n" + string(binary.LittleEndian.AppendUint64(nil, 3)) + "a\nb\n"
	for _, want := range []string{"CONTAINER_NAME=shop-web-1\n" + multi + "MESSAGE=hello\n", "\nPRIORITY=6\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
	print(t, f, logs.Stderr, "bad\n")
	if got := next(); !strings.Contains(got, "MESSAGE=bad\nPRIORITY=3\n") || strings.Contains(got, "PARTIAL") {
		t.Errorf("got %q", got)
	}
	print(t, f, logs.Stdout, strings.Repeat("x", logs.MaxLine)+"end\n")
	if got := next(); !strings.Contains(got, "CONTAINER_PARTIAL_MESSAGE=true\n") || !strings.Contains(got, "CONTAINER_PARTIAL_ORDINAL=1\n") {
		t.Errorf("the first piece: %q", got[logs.MaxLine:])
	}
	if got := next(); !strings.Contains(got, "MESSAGE=end\n") || !strings.Contains(got, "CONTAINER_PARTIAL_LAST=true\n") {
		t.Errorf("the last piece: %q", got)
	}
}

func TestTheJournalGetsLongEntriesInAFile(t *testing.T) {
	path := socket(t)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, err := newJournal(options.Forward{Address: path}).dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	long := strings.Repeat("x", 4<<20) // more than a datagram can have
	if n, err := s.send([]Message{{Stream: logs.Stdout, Line: []byte(long)}}); n != 1 || err != nil {
		t.Fatalf("sent %d, %v", n, err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	rights := make([]byte, 64)
	n, rn, _, _, err := conn.ReadMsgUnix(make([]byte, 16), rights)
	if n != 0 || err != nil {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	msgs, err := unix.ParseSocketControlMessage(rights[:rn])
	if err != nil || len(msgs) != 1 {
		t.Fatal(msgs, err)
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fds[0]), "entry")
	defer file.Close()
	entry, err := io.ReadAll(io.NewSectionReader(file, 0, 8<<20))
	if err != nil || !strings.HasPrefix(string(entry), "MESSAGE="+long+"\n") {
		t.Errorf("%d bytes, %v", len(entry), err)
	}
	if seals, err := unix.FcntlInt(file.Fd(), unix.F_GET_SEALS, 0); err != nil || seals&unix.F_SEAL_WRITE == 0 {
		t.Errorf("seals %x, %v", seals, err)
	}
}

func TestFormsOfSyslog(t *testing.T) {
	host, _ := os.Hostname()
	host = regexp.QuoteMeta(host)
	pid := fmt.Sprint(os.Getpid())
	for format, want := range map[string]string{
		"":             `^<30>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d tag\[` + pid + `\]: hello$`,
		"rfc3164":      `^<30>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d ` + host + ` tag\[` + pid + `\]: hello$`,
		"rfc5424":      `^<30>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d) ` + host + ` tag ` + pid + ` tag - hello$`,
		"rfc5424micro": `^<30>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d) ` + host + ` tag ` + pid + ` tag - hello$`,
	} {
		conn, next := packets(t, "udp", "127.0.0.1:0")
		f, _ := open(t, options.Forward{Driver: options.Syslog, Address: "udp://" + conn.LocalAddr().String(), Tag: "tag", Facility: 3, Format: format})
		print(t, f, logs.Stdout, "hello\n")
		if got := next(); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: got %q, want %s", format, got, want)
		}
		print(t, f, logs.Stderr, "bad\n")
		if got := next(); !strings.HasPrefix(got, "<27>") {
			t.Errorf("%s: got %q", format, got)
		}
	}
}

func TestSyslogByEachWay(t *testing.T) {
	s := serve(t, "tcp", "127.0.0.1:0")
	f, _ := open(t, options.Forward{Driver: options.Syslog, Address: "tcp://" + s.Addr().String(), Tag: "t"})
	print(t, f, logs.Stdout, "one\ntwo\n")
	if got := s.await(t, ": one\n", ": two\n"); strings.Count(got, "\n") != 2 {
		t.Errorf("got %q", got)
	}
	path := socket(t)
	_, next := packets(t, "unixgram", path)
	for _, scheme := range []string{"unix", "unixgram"} { // Docker takes unix for either
		f, _ = open(t, options.Forward{Driver: options.Syslog, Address: scheme + "://" + path, Tag: "t"})
		print(t, f, logs.Stdout, scheme+" sent\n")
		if got := next(); !strings.HasSuffix(got, ": "+scheme+" sent") {
			t.Errorf("got %q", got)
		}
	}
}

func TestFluentdGetsRecords(t *testing.T) {
	s := serve(t, "tcp", "127.0.0.1:0")
	f, _ := open(t, options.Forward{Driver: options.Fluentd, Address: "tcp://" + s.Addr().String(), Tag: "shop.web", Fields: map[string]string{"container_id": "X"}})
	print(t, f, logs.Stderr, "hello \xff\n")
	got := s.await(t, "hello")
	want := "\x93\xa8shop.web\xcf"
	if !strings.HasPrefix(got, want) {
		t.Fatalf("got %q, want %q first", got, want)
	}
	if age := time.Since(time.Unix(int64(binary.BigEndian.Uint64([]byte(got[len(want):]))), 0)); age < 0 || age > time.Minute {
		t.Errorf("its time is %v ago", age)
	}
	if record := got[len(want)+8:]; record != "\x83\xaccontainer_id\xa1X\xa6source\xa6stderr\xa3log\xa9hello \ufffd" {
		t.Errorf("record %q", record)
	}
}

func TestFluentdAcknowledges(t *testing.T) {
	s := serve(t, "tcp", "127.0.0.1:0")
	silent := make(chan struct{}, 10)
	s.answer = func([]byte) []byte { silent <- struct{}{}; return nil }
	f, notes := open(t, options.Forward{Driver: options.Fluentd, Address: "tcp://" + s.Addr().String(), Tag: "t", Ack: true, SubSecond: true,
		ReadTimeout: 50 * time.Millisecond, RetryWait: time.Millisecond})
	print(t, f, logs.Stdout, "hello\n")
	<-silent
	notes.await(t) // without an answer it is sent again
	if got := notes.all(); !strings.Contains(got, "waiting for an acknowledgement") {
		t.Errorf("note %q", got)
	}
	s.mu.Lock()
	s.answer = func(b []byte) []byte {
		_, chunk, _ := strings.Cut(string(b), "\xa5chunk")
		return append([]byte("\x81\xa3ack"), chunk...)
	}
	s.mu.Unlock()
	f.Close()
	<-f.Done()
	if strings.Contains(notes.all(), "not sent") || !strings.Contains(s.got(), "\x94\xa1t\xd7\x00") {
		t.Errorf("notes %q, got %q", notes.all(), s.got())
	}
}

func TestAcksOfOthersAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"\x81\xa3ack\xa3abc": "abc", "\x81\xa3ack\xd9\x03abc": "abc", "\x81\xa3ack\xa3ab": "", "\x81\xa3ack": "", "": "", "x": "", "\x81\xa3ack\xc0": "",
	} {
		if ack, ok := readAck([]byte(text)); ok != (want != "") || ok && ack != want {
			t.Errorf("%q: %q, %v", text, ack, ok)
		}
	}
}

func TestSyslogByTLS(t *testing.T) {
	web := httptest.NewUnstartedServer(nil) // for its certificate
	web.StartTLS()
	defer web.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l}
	go s.accept() // until stop
	t.Cleanup(s.stop)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	c := options.Forward{Driver: options.Syslog, Address: "tcp+tls://" + l.Addr().String(), Tag: "t", Format: "rfc5424"}
	f, notes := open(t, c)
	print(t, f, logs.Stdout, "to somebody\n")
	notes.await(t)
	if got := notes.all(); !strings.Contains(got, "certificate") {
		t.Errorf("a server that nobody knows: %q", got)
	}
	c.TLS.CA = ca
	f, _ = open(t, c)
	print(t, f, logs.Stdout, "to a friend\n")
	if got := s.await(t, "to a friend"); !regexp.MustCompile(`^\d+ <6>1 `).MatchString(got) || strings.Contains(got, "\n") || strings.Contains(got, "somebody") {
		t.Errorf("got %q", got)
	}
}
