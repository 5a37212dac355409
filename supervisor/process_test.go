package supervisor

import (
	"context"
	"fmt"
	"io"
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
