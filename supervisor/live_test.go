//go:build live

package supervisor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
)

// fleet is containers in namespaces of their own, recorded as attached.
func fleet(t *testing.T, p paths.Paths, n int) (ids []string) {
	t.Helper()
	for i := range n {
		id := fmt.Sprintf("c%d", i)
		e := plain(id, fmt.Sprintf("10.61.0.%d", i+1), port(80, "tcp", "", 0), port(80, "udp", "", 0))
		e.Netns = filepath.Join(p.Netns(), id)
		if err := netns.Create(e.Netns, loopbackUp); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := netns.Remove(e.Netns); err != nil {
				t.Error(err)
			}
		})
		if err := endpoint.Write(p.Endpoints(), e); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func loopbackUp() error {
	h, err := netlink.NewHandle()
	if err != nil {
		return err
	}
	defer h.Close()
	return h.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 1}})
}

// resolveIn asks for a name from inside of a namespace.
func resolveIn(t *testing.T, path, name string) string {
	t.Helper()
	r := net.Resolver{PreferGo: true, Dial: func(_ context.Context, network, _ string) (conn net.Conn, err error) {
		err = netns.Do(path, func() error {
			conn, err = net.Dial(network, on(resolver, DNSPort))
			return err
		})
		return conn, err
	}}
	addrs, err := r.LookupNetIP(t.Context(), "ip4", name+".")
	if err != nil {
		return err.Error()
	}
	return strings.Trim(fmt.Sprint(addrs), "[]")
}

func TestFiftyContainersHaveTheirNamesBackAtOnce(t *testing.T) {
	t.Setenv(realNamespaces, "1")
	p := layout(t)
	ids := fleet(t, p, 50)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	c := ensure(t, p, ids...)
	took := time.Since(began)
	s, err := c.Status(t.Context())
	if err != nil || s.Endpoints != 50 || len(s.Problems) > 0 {
		t.Fatalf("%+v (%v)", s, err)
	}
	t.Logf("%s serves %d after %v, %s", filepath.Base(program), s.Endpoints, took, resident(t, s.Pid))
	for _, id := range []string{"c0", "c49"} {
		if got := resolveIn(t, filepath.Join(p.Netns(), "c7"), id); !strings.HasPrefix(got, "10.61.0.") {
			t.Errorf("%s is at %s", id, got)
		}
	}
	// It dies, as hard as can be, and goes on with the same ports.
	held, err := c.Endpoints(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range held {
		if err := endpoint.Write(p.Endpoints(), e); err != nil {
			t.Fatal(err)
		}
	}
	end(t, c, s.Pid, syscall.SIGKILL)
	began = time.Now()
	if err := c.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	took = time.Since(began)
	again, err := c.Status(t.Context())
	if err != nil || again.Endpoints != 50 || len(again.Problems) > 0 {
		t.Fatalf("%+v (%v)", again, err)
	}
	t.Logf("after its death %d are served again in %v, %s", again.Endpoints, took, resident(t, again.Pid))
	after, err := c.Endpoints(t.Context())
	if err != nil || fmt.Sprint(after) != fmt.Sprint(held) {
		t.Errorf("%v (%v)", after, err)
	}
	if got := resolveIn(t, filepath.Join(p.Netns(), "c7"), "c8"); got != "10.61.0.9" {
		t.Errorf("c8 is at %s", got)
	}
}

func resident(t *testing.T, pid int) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "RssAnon") || strings.HasPrefix(line, "Threads") {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(lines, ", ")
}

// A network namespace takes its links with it; one with a socket in it stays.
func TestAReleasedContainersNamespaceGoes(t *testing.T) {
	p := layout(t)
	const link = "gctest-outer"
	ids := fleet(t, p, 1)
	path := filepath.Join(p.Netns(), ids[0])
	s := newSupervisor(Config{Paths: p, Runtime: newFake(ids...), Upstreams: func() ([]netip.AddrPort, error) { return nil, nil }}.withDefaults())
	if err := s.restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := s.report.list(); len(p) > 0 {
		t.Fatal(p)
	}
	if got := resolveIn(t, path, "c0"); got != "10.61.0.1" {
		t.Fatalf("c0 is at %s", got)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	pair := netlink.NewVeth(netlink.LinkAttrs{Name: link})
	pair.PeerName, pair.PeerNamespace = "inner", netlink.NsFd(f.Fd())
	err = netlink.LinkAdd(pair)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := netns.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := netlink.LinkByName(link); err != nil {
		t.Fatalf("the namespace went with the sockets in it: %v", err)
	}
	s.with(ids[0], (*container).released)
	runtime.GC()
	eventually(t, "the link is gone", func() bool {
		_, err := netlink.LinkByName(link)
		return err != nil
	})
}
