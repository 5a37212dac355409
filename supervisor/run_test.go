package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks/endpoint"
)

// patience is for waits that end by themselves when all is well.
const patience = 20 * time.Second

// layout returns paths of their own, short enough for a socket.
func layout(t *testing.T) paths.Paths {
	t.Helper()
	dir, err := os.MkdirTemp("", "gc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return paths.Paths{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")}
}

// process is a supervisor in this process.
type process struct {
	t      *testing.T
	client *Client
	stop   func()     // as SIGTERM does
	end    chan error // what Run returned
}

func run(t *testing.T, p paths.Paths, fake *fakeRuntime) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &process{t: t, client: NewClient(p), end: make(chan error, 1)}
	go func() {
		r.end <- Run(ctx, Config{
			Paths: p, Runtime: fake, Version: "1.2.3", Log: io.Discard, IdleAfter: time.Hour, ListenDNS: listenOn,
			Upstreams: func() ([]netip.AddrPort, error) { return nil, nil },
		})
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		r.client.Close()
		if err := <-r.end; err != nil {
			t.Errorf("the supervisor ended: %v", err)
		}
	})
	t.Cleanup(r.stop)
	eventually(t, "it answers", func() bool {
		_, err := r.client.Status(t.Context())
		return err == nil
	})
	return r
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: never", what)
		}
	}
}

func (r *process) hold(e endpoint.Endpoint) endpoint.Endpoint {
	r.t.Helper()
	held, err := r.client.Hold(r.t.Context(), e)
	if err != nil {
		r.t.Fatal(err)
	}
	return held
}

// resolve asks the name server at an address for a name.
func resolve(t *testing.T, server, name string) string {
	t.Helper()
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, fmt.Sprintf("%s:%d", server, DNSPort))
	}}
	addrs, err := r.LookupHost(t.Context(), name+".")
	if err != nil {
		return err.Error()
	}
	return strings.Join(addrs, " ")
}

// echo serves TCP and UDP on one port of addr, as a container would.
func echo(t *testing.T, addr string) uint16 {
	t.Helper()
	var l net.Listener
	var pc net.PacketConn
	eventually(t, "a port is free for both", func() bool {
		var err error
		if l, err = net.Listen("tcp4", addr+":0"); err != nil {
			t.Fatal(err)
		}
		if pc, err = net.ListenPacket("udp4", l.Addr().String()); err != nil {
			l.Close()
		}
		return err == nil
	})
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			})
		}
	})
	work.Go(func() {
		buf := make([]byte, 1000)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(buf[:n], from)
		}
	})
	t.Cleanup(func() {
		l.Close()
		pc.Close()
		work.Wait()
	})
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// reaches sends something and wants it back.
func reaches(t *testing.T, network, addr string) error {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	buf := make([]byte, 5)
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "hello" {
		return fmt.Errorf("%q came back: %w", buf, err)
	}
	return nil
}

func on(host string, port uint16) string { return net.JoinHostPort(host, fmt.Sprint(port)) }

func TestAHeldEndpointHasNamesAndPorts(t *testing.T) {
	r := run(t, layout(t), newFake("web", "db"))
	target := echo(t, "127.61.0.1")
	held := r.hold(plain("web", "127.61.0.1", port(target, "tcp", "", 0), port(target, "udp", "", 0), port(target, "tcp", "127.0.0.9", 0)))
	r.hold(plain("db", "127.61.0.2"))

	if got := resolve(t, "127.61.0.1", "db"); got != "127.61.0.2" {
		t.Errorf("web finds db at %s", got)
	}
	if got := resolve(t, "127.61.0.2", "web.shop_default"); got != "127.61.0.1" {
		t.Errorf("db finds web at %s", got)
	}
	for _, try := range []struct{ network, addr string }{
		{"tcp", on("127.0.0.1", held.Ports[0].HostPort)},
		{"tcp", on("127.0.0.5", held.Ports[0].HostPort)},
		{"udp", on("127.0.0.1", held.Ports[1].HostPort)},
		{"udp", on("127.0.0.5", held.Ports[1].HostPort)},
		{"tcp", on("127.0.0.9", held.Ports[2].HostPort)},
	} {
		if err := reaches(t, try.network, try.addr); err != nil {
			t.Errorf("%s %s: %v", try.network, try.addr, err)
		}
	}
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		l.Close()
		for i, network := range []string{"tcp", "udp"} {
			if err := reaches(t, network, on("::1", held.Ports[i].HostPort)); err != nil {
				t.Errorf("%s over IPv6: %v", network, err)
			}
		}
	}
	if err := reaches(t, "tcp", on("127.0.0.1", held.Ports[2].HostPort)); err == nil {
		t.Error("a port of one address answers on another")
	}
}

func TestHoldingAgainChangesNothing(t *testing.T) {
	r := run(t, layout(t), newFake("web"))
	asked := plain("web", "127.61.1.1", port(80, "tcp", "", 0))
	first := r.hold(asked)
	if again := r.hold(asked); again.Ports[0].HostPort != first.Ports[0].HostPort {
		t.Errorf("port %d, then %d", first.Ports[0].HostPort, again.Ports[0].HostPort)
	}
	if again := r.hold(first); again.Ports[0].HostPort != first.Ports[0].HostPort {
		t.Errorf("port %d, then %d", first.Ports[0].HostPort, again.Ports[0].HostPort)
	}
	moved := plain("web", "127.61.1.2")
	r.hold(moved)
	if got := resolve(t, "127.61.1.2", "web"); got != "127.61.1.2" {
		t.Errorf("after a change it is at %s", got)
	}
	if err := reaches(t, "tcp", on("127.0.0.1", first.Ports[0].HostPort)); !refused(err) {
		t.Errorf("a port that is not published any more: %v", err)
	}
}

func refused(err error) bool { return err != nil && strings.Contains(err.Error(), "refused") }

func TestReleaseFreesNamesAndPorts(t *testing.T) {
	r := run(t, layout(t), newFake())
	held := r.hold(plain("web", "127.61.2.1", port(80, "tcp", "", 0), port(80, "udp", "", 0)))
	r.hold(plain("db", "127.61.2.2"))
	for range 2 {
		if err := r.client.Release(t.Context(), "web"); err != nil {
			t.Fatal(err)
		}
	}
	for _, network := range []string{"tcp4", "tcp6"} {
		l, err := net.Listen(network, fmt.Sprintf(":%d", held.Ports[0].HostPort))
		if err != nil {
			t.Errorf("%s: %v", network, err)
			continue
		}
		l.Close()
	}
	pc, err := net.ListenPacket("udp4", fmt.Sprintf(":%d", held.Ports[1].HostPort))
	if err != nil {
		t.Fatal(err)
	}
	pc.Close()
	if got := resolve(t, "127.61.2.2", "web"); strings.Contains(got, "127.61.2.1") {
		t.Errorf("its name is still known: %s", got)
	}
	es, err := r.client.Endpoints(t.Context())
	if err != nil || len(es) != 1 || es[0].ID != "db" {
		t.Errorf("held: %v (%v)", es, err)
	}
}

func TestATakenPortIsNamed(t *testing.T) {
	r := run(t, layout(t), newFake())
	foreign, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	number := uint16(foreign.Addr().(*net.TCPAddr).Port)

	_, err = r.client.Hold(t.Context(), plain("web", "127.61.3.1", port(80, "tcp", "", number)))
	var taken *PortTakenError
	if !errors.As(err, &taken) || taken.Port != number || err.Error() != fmt.Sprintf("port %d/tcp on 0.0.0.0 is taken", number) {
		t.Errorf("got %v", err)
	}
	if s, err := r.client.Status(t.Context()); err != nil || s.Containers != 0 || s.Endpoints != 0 {
		t.Errorf("what failed is held: %+v (%v)", s, err)
	}
	ours := r.hold(plain("web", "127.61.3.1", port(80, "tcp", "", 0)))
	_, err = r.client.Hold(t.Context(), plain("db", "127.61.3.2", port(80, "tcp", "127.0.0.1", ours.Ports[0].HostPort)))
	if want := fmt.Sprintf("port %d/tcp on 127.0.0.1 is taken by container shop-web", ours.Ports[0].HostPort); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWhatCannotBeHeldIsRefused(t *testing.T) {
	r := run(t, layout(t), newFake())
	lonely := plain("web", "127.61.4.1", port(80, "tcp", "", 0))
	lonely.Interfaces = nil
	for name, e := range map[string]endpoint.Endpoint{
		"is on no network":       lonely,
		"no address of this":     plain("web", "127.61.4.1", port(80, "tcp", "192.0.2.1", 0)),
		"is not supported":       plain("web", "127.61.4.1", port(80, "sctp", "", 0)),
		"unable to parse IP":     plain("web", "127.61.4.1", port(80, "tcp", "nonsense", 0)),
		"invalid container ID":   plain("..", "127.61.4.1"),
		"in container shop-web:": plain("web", "192.0.2.1"),
	} {
		if _, err := r.client.Hold(t.Context(), e); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if s, err := r.client.Status(t.Context()); err != nil || s.Containers != 0 {
		t.Errorf("something is held: %+v (%v)", s, err)
	}
}

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
	if err := <-ended; !errors.Is(err, io.EOF) {
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

func TestManyHoldsAtOnce(t *testing.T) {
	r := run(t, layout(t), newFake())
	var work sync.WaitGroup
	for i := range 50 {
		work.Go(func() {
			e := plain(fmt.Sprintf("c%d", i), fmt.Sprintf("127.61.8.%d", i+1), port(80, "tcp", "", 0), port(80, "udp", "", 0))
			if _, err := r.client.Hold(t.Context(), e); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if s, err := r.client.Status(t.Context()); err != nil || s.Endpoints != 50 {
		t.Errorf("%+v (%v)", s, err)
	}
	if got := resolve(t, "127.61.8.1", "c49"); got != "127.61.8.50" {
		t.Errorf("c49 is at %s", got)
	}
	for i := range 50 {
		work.Go(func() {
			if err := r.client.Release(t.Context(), fmt.Sprintf("c%d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if s, err := r.client.Status(t.Context()); err != nil || s.Endpoints != 0 || s.Containers != 0 {
		t.Errorf("%+v (%v)", s, err)
	}
}
