//go:build live

package networks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
	"github.com/gocompose/gocompose/networks/nft"
	"github.com/gocompose/gocompose/project"
)

// bedVar marks the process that runs the tests on a host of its own: a fresh
// network namespace, with a tmpfs for its state.
const bedVar = "GOCOMPOSE_TEST_BED"

func TestMain(m *testing.M) {
	code, err := testMain(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func testMain(m *testing.M) (int, error) {
	if os.Geteuid() != 0 {
		return 1, errors.New("live tests of networks need root")
	}
	if dir := os.Getenv(bedVar); dir != "" {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "networks-bed-")
	if err != nil {
		return 1, err
	}
	defer os.Remove(dir)
	bed := exec.Command("/proc/self/exe", os.Args[1:]...)
	bed.Env = append(os.Environ(), bedVar+"="+dir)
	bed.Stdout, bed.Stderr = os.Stdout, os.Stderr
	bed.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET, Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL,
	}
	err = bed.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// The LAN: a namespace joined to the host by a pair of links.
const (
	lanMTU = 1400
	hostIP = "10.99.0.1"
	lanIP  = "10.99.0.2"
)

// bed is a host that was just started, with a LAN.
type bed struct {
	t   *testing.T
	n   *Networks
	p   paths.Paths
	lan string // its namespace
}

func newBed(t *testing.T) *bed {
	t.Helper()
	dir := filepath.Join(os.Getenv(bedVar), "bed")
	must(t, os.Mkdir(dir, 0o700))
	must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
	t.Cleanup(func() {
		must(t, unix.Unmount(dir, unix.MNT_DETACH))
		must(t, os.Remove(dir))
	})
	b := &bed{t: t, p: paths.Paths{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")}}
	b.n, _ = Open(b.p)
	b.lan = filepath.Join(dir, "lan")
	b.makeLAN()
	return b
}

func (b *bed) makeLAN() {
	h := b.handle()
	defer h.Close()
	must(b.t, h.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: loopback}}))
	must(b.t, netns.Create(b.lan, func() error {
		f, err := os.Open("/proc/thread-self/ns/net")
		must(b.t, err)
		defer f.Close()
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU = "uplink", lanMTU
		pair := netlink.NewVeth(attrs)
		pair.PeerName, pair.PeerNamespace = "eth0", netlink.NsFd(f.Fd())
		must(b.t, h.LinkAdd(pair))
		in := b.handle()
		defer in.Close()
		inner, err := in.LinkByName("eth0")
		must(b.t, err)
		b.configure(in, &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: loopback}}, "")
		b.configure(in, inner, lanIP)
		b.configure(h, pair, hostIP)
		return h.RouteAdd(&netlink.Route{Gw: net.ParseIP(lanIP)})
	}))
	b.t.Cleanup(func() {
		must(b.t, removeLink("uplink"))
		must(b.t, netns.Remove(b.lan))
	})
}

func (b *bed) configure(h *netlink.Handle, l netlink.Link, ip string) {
	if ip != "" {
		must(b.t, h.AddrAdd(l, &netlink.Addr{IPNet: ipNet(netip.MustParsePrefix(ip + "/24"))}))
	}
	must(b.t, h.LinkSetUp(l))
}

func (b *bed) handle() *netlink.Handle {
	h, err := openLinks()
	must(b.t, err)
	return h
}

// eachBridgeFilter runs the test with packets between the containers of a
// network going through the packet filter, as Docker and Kubernetes have it,
// and without.
func eachBridgeFilter(t *testing.T, test func(b *bed)) {
	const sysctl = "net/bridge/bridge-nf-call-iptables"
	for _, value := range []string{"0", "1"} {
		t.Run("br_netfilter="+value, func(t *testing.T) {
			if _, err := os.Stat("/proc/sys/" + sysctl); err == nil {
				must(t, setSysctl(sysctl, value))
			} else if value == "1" {
				t.Skip("no br_netfilter in this kernel")
			}
			test(newBed(t))
		})
	}
}

// network makes a network and takes it down at the end, which checks that
// nothing is left of anything.
func (b *bed) network(names ...string) {
	b.t.Helper()
	for _, name := range names {
		must(b.t, b.n.CreateNetwork(b.t.Context(), project.Network{Name: name}))
	}
	b.t.Cleanup(func() {
		es, err := endpoint.List(b.p.Endpoints())
		must(b.t, err)
		for _, e := range es {
			must(b.t, b.n.Detach(context.Background(), e.ID))
		}
		for _, name := range names {
			must(b.t, b.n.RemoveNetwork(context.Background(), project.Network{Name: name}))
		}
		if !b.t.Failed() {
			b.checkNothingLeft()
		}
	})
}

func (b *bed) attach(id string, networks ...string) endpoint.Endpoint {
	b.t.Helper()
	e, err := b.n.Attach(b.t.Context(), request(id, networks...))
	must(b.t, err)
	return e
}

func request(id string, networks ...string) AttachRequest {
	req := AttachRequest{ID: id, Name: id, Project: "p", Service: id, DNSPort: 5353}
	for _, n := range networks {
		req.Endpoints = append(req.Endpoints, NetworkEndpoint{Network: n, Names: []string{id}})
	}
	return req
}

// checkNothingLeft looks for what a bed does not have when it is new.
func (b *bed) checkNothingLeft() {
	b.t.Helper()
	if links := b.links(); len(links) > 0 {
		b.t.Errorf("links are left: %v", links)
	}
	if _, err := b.n.rules.Published(); !errors.Is(err, nft.ErrNoTable) {
		b.t.Errorf("rules are left (%v)", err)
	}
	for _, dir := range []string{b.p.Netns(), b.p.Endpoints(), b.p.Addresses(), b.p.Networks()} {
		if files, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(files) > 0 {
			b.t.Errorf("files are left: %v (%v)", files, err)
		}
	}
}

// links returns the names of our links.
func (b *bed) links() []string {
	h := b.handle()
	defer h.Close()
	all, err := h.LinkList()
	must(b.t, err)
	var names []string
	for _, l := range all {
		if name := l.Attrs().Name; strings.HasPrefix(name, "gc") {
			names = append(names, name)
		}
	}
	return names
}

// serve answers each connection, or packet, in the namespace with the address
// it came from. An empty path is the host's namespace.
func (b *bed) serve(path, network, addr string) {
	b.t.Helper()
	must(b.t, within(path, func() error {
		if strings.HasPrefix(network, "udp") {
			c, err := net.ListenPacket(network, addr)
			if err == nil {
				b.t.Cleanup(func() { c.Close() })
				go answerPackets(c)
			}
			return err
		}
		l, err := net.Listen(network, addr)
		if err == nil {
			b.t.Cleanup(func() { l.Close() })
			go answerConnections(l)
		}
		return err
	}))
}

func answerPackets(c net.PacketConn) {
	buf := make([]byte, 16)
	for {
		_, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		_, _ = c.WriteTo([]byte(from.String()), from)
	}
}

func answerConnections(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, c.RemoteAddr().String())
		_ = c.Close()
	}
}

func within(path string, fn func() error) error {
	if path == "" {
		return fn()
	}
	return netns.Do(path, fn)
}

// patience is how long a packet that should arrive may take; what must not
// arrive is waited for less.
const (
	patience   = 5 * time.Second
	impatience = 300 * time.Millisecond
)

// ask connects from the namespace to addr and returns the address that the
// server saw.
func ask(path, network, addr string, wait time.Duration) (saw string, err error) {
	err = within(path, func() error {
		c, err := net.DialTimeout(network, addr, wait)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(wait)); err != nil {
			return err
		}
		if strings.HasPrefix(network, "udp") {
			if _, err := c.Write([]byte("?")); err != nil {
				return err
			}
		}
		buf := make([]byte, 64)
		n, err := c.Read(buf)
		saw, _, _ = net.SplitHostPort(string(buf[:n]))
		return err
	})
	return saw, err
}

// reaches checks that the one in the namespace gets an answer, and that the
// server saw him under one of the addresses, if any are given.
func (b *bed) reaches(path, network, addr string, as ...string) {
	b.t.Helper()
	saw, err := ask(path, network, addr, patience)
	if err != nil {
		b.t.Errorf("%s does not reach %s/%s: %v", filepath.Base(path), addr, network, err)
	} else if len(as) > 0 && !slices.Contains(as, saw) {
		b.t.Errorf("%s is seen by %s/%s as %s, want %v", filepath.Base(path), addr, network, saw, as)
	}
}

func (b *bed) doesNotReach(path, network, addr string) {
	b.t.Helper()
	if saw, err := ask(path, network, addr, impatience); err == nil {
		b.t.Errorf("%s reaches %s/%s (as %s)", filepath.Base(path), addr, network, saw)
	}
}

// inbox returns what arrives, one way, at the UDP address in the namespace.
func (b *bed) inbox(path, addr string) <-chan string {
	b.t.Helper()
	arrived := make(chan string, 16)
	must(b.t, within(path, func() error {
		c, err := net.ListenPacket("udp4", addr)
		if err != nil {
			return err
		}
		b.t.Cleanup(func() { c.Close() })
		go func() {
			buf := make([]byte, 64)
			for {
				n, _, err := c.ReadFrom(buf)
				if err != nil {
					return
				}
				arrived <- string(buf[:n])
			}
		}()
		return nil
	}))
	return arrived
}

func (b *bed) send(path, addr, what string) {
	b.t.Helper()
	must(b.t, within(path, func() error {
		c, err := net.Dial("udp4", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write([]byte(what))
		return err
	}))
}

// onlySecondArrives sends from the namespace to the first address and then to
// the second one, whose packet arrives, and alone.
func (b *bed) onlySecondArrives(inbox <-chan string, path, first, second string) {
	b.t.Helper()
	b.send(path, first, "to "+first)
	b.send(path, second, "to "+second)
	select {
	case got := <-inbox:
		if got != "to "+second {
			b.t.Errorf("from %s arrives what was sent %s", filepath.Base(path), got)
			<-inbox
		}
	case <-time.After(patience):
		b.t.Errorf("from %s nothing arrives", filepath.Base(path))
	}
}

// routeLoopbackToHost makes the one in the namespace send to the host what is
// addressed to 127.0.0.1, instead of keeping it.
func (b *bed) routeLoopbackToHost(path string, gw net.IP) {
	b.t.Helper()
	must(b.t, netns.Do(path, func() error {
		h := b.handle()
		defer h.Close()
		local, err := h.RouteListFiltered(netlink.FAMILY_V4,
			&netlink.Route{Table: unix.RT_TABLE_LOCAL}, netlink.RT_FILTER_TABLE)
		must(b.t, err)
		for _, r := range local {
			if r.Dst != nil && r.Dst.IP.IsLoopback() {
				must(b.t, h.RouteDel(&r))
			}
		}
		return h.RouteAdd(&netlink.Route{Dst: ipNet(netip.MustParsePrefix("127.0.0.1/32")), Gw: gw})
	}))
}

// golden returns what the file in testdata says; with UPDATE_GOLDEN set it is
// made to say what is.
func golden(t *testing.T, name, is string) string {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, []byte(is), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	return string(want)
}

func at(addr any, port int) string { return fmt.Sprintf("%v:%d", addr, port) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// copyMounts makes a mount namespace with copies of all mounts, and keeps it
// until the test ends.
func copyMounts(t *testing.T) {
	t.Helper()
	holder := exec.Command("sleep", "600")
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	must(t, holder.Start())
	t.Cleanup(func() {
		must(t, holder.Process.Kill())
		_ = holder.Wait()
	})
}

// eventually waits for what happens by itself soon.
func (b *bed) eventually(what string, is func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("not after %v: %s", patience, what)
		}
	}
}
