package shim

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ctrd "github.com/containerd/containerd/v2/pkg/shim"

	"github.com/gocompose/gocompose/shim/options"
)

func stopStatus(code int) ctrd.StopStatus {
	return ctrd.StopStatus{ExitStatus: code, ExitedAt: time.Now()}
}

// fakeSupervisor listens when it is started, and tells of connections.
type fakeSupervisor struct {
	socket string
	starts atomic.Int32
	conns  chan net.Conn

	mu       sync.Mutex
	listener net.Listener
}

func newFakeSupervisor(t *testing.T) *fakeSupervisor {
	f := &fakeSupervisor{socket: filepath.Join(t.TempDir(), "s"), conns: make(chan net.Conn, 100)}
	t.Cleanup(f.kill)
	return f
}

// start is what the command does; only one of many succeeds.
func (f *fakeSupervisor) start(options.Supervisor) (<-chan int, error) {
	f.starts.Add(1)
	exit := make(chan int, 1)
	l, err := net.Listen("unix", f.socket)
	if err != nil {
		exit <- 1
		return exit, nil
	}
	f.mu.Lock()
	f.listener = l
	f.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.conns <- c
		}
	}()
	return exit, nil
}

// kill closes the socket and all connections.
func (f *fakeSupervisor) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listener != nil {
		f.listener.Close()
	}
	for {
		select {
		case c := <-f.conns:
			c.Close()
		default:
			return
		}
	}
}

// keep runs n keepers until the test ends.
func (f *fakeSupervisor) keep(t *testing.T, n int, start func(options.Supervisor) (<-chan int, error)) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range n {
		k := &keeper{options.Supervisor{Socket: f.socket, Command: []string{"/start"}}, start}
		wg.Go(func() { k.run(ctx) })
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// held waits until n connections are open at once: from n keepers.
func (f *fakeSupervisor) held(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		if f.open() >= n {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%d connections, want %d", f.open(), n)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// open counts open connections and forgets closed ones.
func (f *fakeSupervisor) open() int {
	var alive []net.Conn
	for {
		select {
		case c := <-f.conns:
			_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
			var timeout net.Error
			if _, err := c.Read(make([]byte, 1)); errors.As(err, &timeout) && timeout.Timeout() {
				alive = append(alive, c)
			}
			continue
		default:
		}
		for _, c := range alive {
			f.conns <- c
		}
		return len(alive)
	}
}

func TestADeadSupervisorIsStartedByOneOfManyShims(t *testing.T) {
	f := newFakeSupervisor(t)
	f.keep(t, 20, f.start)
	f.held(t, 20)
	if n := f.starts.Load(); n != 1 {
		t.Errorf("started %d times", n)
	}
	f.kill()
	f.held(t, 20)
	if n := f.starts.Load(); n != 2 {
		t.Errorf("started %d times", n)
	}
}

func TestASupervisorThatIsThereIsLeftAlone(t *testing.T) {
	f := newFakeSupervisor(t)
	if _, err := f.start(options.Supervisor{}); err != nil {
		t.Fatal(err)
	}
	f.keep(t, 3, f.start)
	f.held(t, 3)
	if n := f.starts.Load(); n != 1 {
		t.Errorf("started %d times", n)
	}
}

func TestACommandThatFailsIsTriedAgain(t *testing.T) {
	f := newFakeSupervisor(t)
	var tries atomic.Int32
	f.keep(t, 1, func(s options.Supervisor) (<-chan int, error) {
		switch tries.Add(1) {
		case 1:
			return nil, errors.New("no such file")
		case 2:
			exit := make(chan int, 1)
			exit <- 1
			return exit, nil
		}
		return f.start(s)
	})
	f.held(t, 1)
}

func TestTheCommandDoesNotSeeTheShimsEnvironment(t *testing.T) {
	got := commandEnv([]string{"PATH=/bin", "GOMAXPROCS=4", "NAMESPACE=x", "NAMESPACES=y", "NOTIFY_SOCKET=/z"})
	if want := []string{"PATH=/bin", "NAMESPACES=y"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
