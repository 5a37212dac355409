package supervisor

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
)

func TestTheNextSupervisorGoesOnFromTheRecords(t *testing.T) {
	p, fake := layout(t), newFake("web", "db")
	first := run(t, p, fake)
	target := echo(t, "127.61.5.1")
	held := first.hold(plain("web", "127.61.5.1", port(target, "tcp", "", 0)))
	for _, e := range []endpoint.Endpoint{held, first.hold(plain("db", "127.61.5.2"))} {
		if err := endpoint.Write(p.Endpoints(), e); err != nil {
			t.Fatal(err)
		}
	}
	// One that ended while nobody watched, and one that nobody can read.
	gone := plain("gone", "127.61.5.3")
	if err := endpoint.Write(p.Endpoints(), gone); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(p.Endpoints(), "gone.json"), long, long); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.Endpoints(), "bad.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	first.stop()
	if err := reaches(t, "tcp", on("127.0.0.1", held.Ports[0].HostPort)); !refused(err) {
		t.Errorf("without a supervisor: %v", err)
	}

	fake.set(func() { fake.broken = true }) // names and ports do not wait for the engine
	second := run(t, p, fake)
	if got := resolve(t, "127.61.5.2", "web"); got != "127.61.5.1" {
		t.Errorf("db finds web at %s", got)
	}
	if err := reaches(t, "tcp", on("127.0.0.1", held.Ports[0].HostPort)); err != nil {
		t.Error(err)
	}
	if len(fake.releases()) != 0 {
		t.Error("cleaned up without knowing what runs")
	}
	fake.set(func() { fake.broken = false })
	eventually(t, "what ended is cleaned up", func() bool { return len(fake.releases()) == 1 && fake.releases()[0] == "gone" })
	eventually(t, "only the unreadable record is a problem", func() bool {
		s, err := second.client.Status(t.Context())
		return err == nil && s.Endpoints == 2 && s.Version == "1.2.3" && len(s.Problems) == 1 && strings.Contains(s.Problems[0], "bad.json")
	})
}

func TestAPortThatSomebodyTookMeanwhileIsHeldWhenItIsFree(t *testing.T) {
	p := layout(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	target := echo(t, "127.61.6.1")
	e := plain("web", "127.61.6.1", port(target, "tcp", "127.0.0.1", 0))
	e.Ports[0].HostPort = uint16(l.Addr().(*net.TCPAddr).Port)
	if err := endpoint.Write(p.Endpoints(), e); err != nil {
		t.Fatal(err)
	}
	r := run(t, p, newFake("web"))
	if got := resolve(t, "127.61.6.1", "web"); got != "127.61.6.1" {
		t.Errorf("its name: %s", got)
	}
	if s, err := r.client.Status(t.Context()); err != nil || len(s.Problems) != 1 {
		t.Errorf("%+v (%v)", s, err)
	}
	l.Close()
	eventually(t, "the port leads to it", func() bool { return reaches(t, "tcp", l.Addr().String()) == nil })
	eventually(t, "all is well", func() bool {
		s, err := r.client.Status(t.Context())
		return err == nil && len(s.Problems) == 0
	})
}

func TestThereIsOneSupervisor(t *testing.T) {
	p := layout(t)
	run(t, p, newFake())
	if err := Run(t.Context(), Config{Paths: p, Runtime: newFake()}); !errors.Is(err, ErrRunning) {
		t.Errorf("a second one: %v", err)
	}
}

func TestAConnectionLastsAsLongAsTheSupervisor(t *testing.T) {
	p := layout(t)
	r := run(t, p, newFake())
	c, err := net.Dial("unix", p.SupervisorSocket())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	}()
	r.hold(plain("web", "127.61.7.1")) // others come and go meanwhile
	r.client.Close()
	select {
	case err := <-ended:
		t.Fatalf("it ended: %v", err)
	default:
	}
	r.stop()
	if err := <-ended; !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("it ended with %v", err)
	}
}

func TestALeftSocketIsNoObstacle(t *testing.T) {
	p := layout(t)
	if err := os.MkdirAll(p.State, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{p.SupervisorSocket(), p.SupervisorSocket() + ".new"} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		l.Close()
	}
	run(t, p, newFake()).stop()
	if _, err := os.Stat(p.SupervisorSocket()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a socket is left: %v", err)
	}
}

func TestWhenNothingIsLeftTheEngineEndsToo(t *testing.T) {
	p, fake := layout(t), newFake()
	err := Run(t.Context(), Config{Paths: p, Runtime: fake, Log: io.Discard, IdleAfter: time.Millisecond, ListenDNS: listenOn})
	if err != nil || fake.shutdown != 1 {
		t.Errorf("%v; shut down %d times", err, fake.shutdown)
	}
	if _, err := os.Stat(p.SupervisorSocket()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a socket is left: %v", err)
	}
}
