//go:build live

package cmd_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// journalSocket is where the journal listens; where there is none, scripts have a
// false one.
const journalSocket = "/run/systemd/journal/socket"

// logServers are what scripts have listen for logs, by name.
type logServers struct {
	mu   sync.Mutex
	open map[string]*logServer
}

// logServer keeps what comes.
type logServer struct {
	ends []func() error
	mu   sync.Mutex
	data bytes.Buffer
}

func (s *logServer) keep(read func([]byte) (int, error)) {
	buf := make([]byte, 64<<10)
	for {
		n, err := read(buf)
		s.mu.Lock()
		s.data.Write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *logServer) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, end := range s.ends {
		_ = end()
	}
	s.ends = nil
}

// accept keeps what comes by connections.
func (s *logServer) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.ends = append(s.ends, conn.Close)
		s.mu.Unlock()
		go s.keep(conn.Read)
	}
}

// commands are: logserver NAME, which has a server listen, on $NAME, which it sets
// when it is not; journal, a false journal where there is none; endlog NAME; and
// logged NAME|journal PATTERN..., which waits until all of that has come.
func (l *logServers) commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"logserver": l.listen,
		"journal":   l.journal,
		"endlog": func(ts *testscript.TestScript, _ bool, args []string) {
			l.server(ts, args[0]).end()
		},
		"logged": l.logged,
	}
}

func (l *logServers) listen(ts *testscript.TestScript, _ bool, args []string) {
	address := ts.Getenv(args[0])
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	ts.Check(err)
	ts.Setenv(args[0], listener.Addr().String())
	s := l.add(ts, args[0], listener.Close)
	go s.accept(listener) // until it is closed
}

func (l *logServers) journal(ts *testscript.TestScript, _ bool, _ []string) {
	if _, err := os.Stat(journalSocket); err == nil {
		return
	}
	ts.Check(os.MkdirAll("/run/systemd/journal", 0o755))
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: journalSocket, Net: "unixgram"})
	ts.Check(err)
	s := l.add(ts, "journal", func() error {
		_ = os.Remove(journalSocket)
		return conn.Close()
	})
	go s.keep(conn.Read) // until it is closed
}

func (l *logServers) add(ts *testscript.TestScript, name string, end func() error) *logServer {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[string]*logServer{}
	}
	s := &logServer{ends: []func() error{end}}
	l.open[name] = s
	ts.Defer(s.end)
	return s
}

func (l *logServers) server(ts *testscript.TestScript, name string) *logServer {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.open[name]
	if s == nil {
		ts.Fatalf("there is no log server %s", name)
	}
	return s
}

func (l *logServers) logged(ts *testscript.TestScript, neg bool, args []string) {
	got := func() []byte {
		if l.open[args[0]] == nil { // the real journal
			out, _ := exec.Command("journalctl", "--since=-2min", "-o", "export").Output()
			return out
		}
		s := l.server(ts, args[0])
		s.mu.Lock()
		defer s.mu.Unlock()
		return bytes.Clone(s.data.Bytes())
	}
	for _, pattern := range args[1:] {
		re := regexp.MustCompile("(?m)" + pattern)
		for deadline := time.Now().Add(patience); !re.Match(got()); time.Sleep(20 * time.Millisecond) {
			if neg {
				break
			}
			if time.Now().After(deadline) {
				ts.Fatalf("%s did not get %s, but:\n%q", args[0], pattern, got())
			}
		}
		if neg && re.Match(got()) {
			ts.Fatalf("%s got %s", args[0], pattern)
		}
	}
}
