package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks/endpoint"
)

// realNamespaces is the variable that has a started supervisor serve names in
// network namespaces.
const realNamespaces = "GOCOMPOSE_TEST_NAMESPACES"

// TestMain makes the test binary a supervisor when a test starts it as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "supervisor" {
		os.Exit(beSupervisor(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// beSupervisor runs a supervisor over an engine in which the containers named
// live. It leaves when the test binary that started it has gone.
func beSupervisor(living []string) int {
	p, err := paths.FromEnv()
	if err != nil {
		return 3
	}
	if os.Getenv("NOTIFY_SOCKET") != "" {
		fmt.Fprintln(os.Stderr, "the starter's NOTIFY_SOCKET was passed on")
		return 3
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := note(p); err != nil {
		return 3
	}
	cfg := Config{
		Paths: p, Runtime: newFake(living...), IdleAfter: patience, ListenDNS: listenOn,
		Upstreams: func() ([]netip.AddrPort, error) { return nil, nil },
	}
	if os.Getenv(realNamespaces) != "" {
		cfg.ListenDNS = nil
	}
	err = Run(ctx, cfg)
	if err != nil && !errors.Is(err, ErrRunning) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// starts is the file with a line for each supervisor that was started.
func starts(p paths.Paths) string { return filepath.Join(p.State, "starts") }

func note(p paths.Paths) error {
	f, err := os.OpenFile(starts(p), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	return errors.Join(err, f.Close())
}

func countStarts(t *testing.T, p paths.Paths) int {
	t.Helper()
	data, err := os.ReadFile(starts(p))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(data), "\n")
}

// ensure is Ensure with the test binary as the program. What it started ends
// with the test.
func ensure(t *testing.T, p paths.Paths, living ...string) *Client {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Ensure(t.Context(), p, append([]string{program, "supervisor"}, living...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s, err := c.Status(context.Background()); err == nil {
			end(t, c, s.Pid, syscall.SIGTERM)
		}
		c.Close()
	})
	return c
}

// end sends a signal to a supervisor and waits until it does not answer.
func end(t *testing.T, c *Client, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it does not answer any more", func() bool {
		_, err := c.Status(context.Background())
		return errors.Is(err, ErrNotRunning)
	})
}

func TestOneOfManyStartsIt(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/nobody")
	p := layout(t)
	pids := make([]int, 20)
	var work sync.WaitGroup
	for i := range pids {
		work.Go(func() {
			s, err := ensure(t, p).Status(t.Context())
			if err != nil {
				t.Error(err)
			}
			pids[i] = s.Pid
		})
	}
	work.Wait()
	for _, pid := range pids {
		if pid != pids[0] || pid == os.Getpid() {
			t.Fatalf("they found %v", pids)
		}
	}
	if n := countStarts(t, p); n != 1 {
		t.Errorf("%d were started", n)
	}
}

func TestSupervisorsThatAreStartedAtOnceAgreeOnOne(t *testing.T) {
	p := layout(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(p.State, 0o700); err != nil {
		t.Fatal(err)
	}
	started := 0
	ended := make(chan error)
	for range 5 { // as shims do that all lose their connection
		process, err := start(p, []string{program, "supervisor"})
		if err != nil {
			t.Fatal(err)
		}
		started++
		go func() {
			<-process.Exited()
			ended <- process.Err()
		}()
	}
	for range started - 1 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	c := ensure(t, p)
	s, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := countStarts(t, p); n != started {
		t.Errorf("%d were started", n)
	}
	end(t, c, s.Pid, syscall.SIGTERM)
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestAKilledSupervisorIsStartedAgainByWhoNeedsIt(t *testing.T) {
	p := layout(t)
	c := ensure(t, p, "web", "db")
	target := echo(t, "127.61.20.1")
	held, err := c.Hold(t.Context(), plain("web", "127.61.20.1", port(target, "tcp", "127.0.0.1", 0)))
	if err != nil {
		t.Fatal(err)
	}
	if err := endpoint.Write(p.Endpoints(), held); err != nil {
		t.Fatal(err)
	}
	s, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	end(t, c, s.Pid, syscall.SIGKILL)
	if err := c.Release(t.Context(), "db"); err != nil {
		t.Errorf("releasing what nobody holds: %v", err)
	}
	if _, err := c.Hold(t.Context(), plain("db", "127.61.20.2")); err != nil {
		t.Fatal(err)
	}
	if got := resolve(t, "127.61.20.2", "web"); got != "127.61.20.1" {
		t.Errorf("db finds web at %s", got)
	}
	if err := reaches(t, "tcp", on("127.0.0.1", held.Ports[0].HostPort)); err != nil {
		t.Error(err)
	}
	if again, err := c.Status(t.Context()); err != nil || again.Pid == s.Pid || again.Endpoints != 2 {
		t.Errorf("%+v (%v)", again, err)
	}
}

func TestAStartThatFailsSaysWhy(t *testing.T) {
	p := layout(t)
	_, err := Ensure(t.Context(), p, []string{"/bin/sh", "-c", "echo no engine to be found >&2; exit 1"})
	if err == nil || !strings.Contains(err.Error(), "no engine to be found") || !strings.Contains(err.Error(), p.SupervisorLog()) {
		t.Errorf("got %v", err)
	}
	if _, err := Ensure(t.Context(), p, []string{"/no/such/program"}); err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Ensure(ctx, p, []string{"/bin/sh", "-c", "exit 0"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestNobodyAnswersIsToldApart(t *testing.T) {
	if _, err := NewClient(layout(t)).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("got %v", err)
	}
}

func TestSecretsStayWithTheStarter(t *testing.T) {
	got := environ(paths.Paths{Root: "/r", State: "/s"}, []string{
		"PATH=/usr/bin", "DB_PASSWORD=secret", "AWS_SECRET_ACCESS_KEY=secret", "NOTIFY_SOCKET=/run/systemd/notify",
		"LISTEN_FDS=1", "TZ=UTC", "CONTAINERD_ADDRESS=/run/c.sock", "GOCOMPOSE_ROOT=/other", "GOCOMPOSE_STATE=/other", "GOCOMPOSE_NO_SYNC=1",
	})
	slices.Sort(got)
	want := []string{
		"CONTAINERD_ADDRESS=/run/c.sock", "GOCOMPOSE_NO_SYNC=1", "GOCOMPOSE_ROOT=/r", "GOCOMPOSE_STATE=/s", "PATH=/usr/bin", "TZ=UTC",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
