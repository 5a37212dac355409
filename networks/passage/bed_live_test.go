//go:build live

package passage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/networks/netns"
)

// bedVar is the folder of the tests. They are in a process namespace, with whose
// first process all others end, and have folders of their own in the place of
// those that iptables and Docker write to.
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
	for program, pkg := range map[string]string{
		"nft": "nftables", "iptables-nft": "iptables", "iptables-legacy": "iptables", "dockerd": "docker.io", "busybox": "busybox-static",
	} {
		if _, err := exec.LookPath(program); err != nil {
			return 1, fmt.Errorf("%w: apt-get install %s", err, pkg)
		}
	}
	if livetest.Inside() {
		if err := ownFolders(os.Getenv(bedVar)); err != nil {
			return 1, err
		}
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "passage-bed-")
	if err != nil {
		return 1, err
	}
	return livetest.Namespace{
		Env: []string{bedVar + "=" + dir, "TMPDIR=" + dir}, Own: unix.CLONE_NEWPID,
		After: func() error { return errors.Join(removeCgroups(dir), os.Remove(dir)) },
	}.Run(), nil
}

// cgroup is where the containers of Docker are, in each hierarchy.
func cgroup(dir string) string { return "/" + filepath.Base(dir) }

// removeCgroups removes them, with those that a test which was cut short has
// left.
func removeCgroups(dir string) error {
	var all []string
	for _, pattern := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		tops, err := filepath.Glob(pattern + cgroup(dir))
		if err != nil {
			return err
		}
		for _, top := range tops {
			if err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					all = append(all, path)
				}
				return err
			}); err != nil {
				return err
			}
		}
	}
	var errs []error
	for _, path := range slices.Backward(all) {
		errs = append(errs, os.Remove(path))
	}
	return errors.Join(errs...)
}

func ownFolders(dir string) error {
	for _, at := range []string{dir, "/run", "/etc/docker", "/var/lib/docker"} {
		if _, err := os.Stat(at); err != nil {
			continue
		}
		if err := unix.Mount("tmpfs", at, "tmpfs", 0, ""); err != nil {
			return fmt.Errorf("mounting a tmpfs at %s: %w", at, err)
		}
	}
	return unix.Mount("proc", "/proc", "proc", 0, "")
}

// Addresses: of the host and of a machine in its LAN; of our bridges and of what
// is attached to them.
const (
	lanIP, lanIP6       = "10.99.0.2", "fd00:99::2"
	firstIP, firstIP6   = "10.88.0.2", "fd00:88::2"
	secondIP, secondIP6 = "10.88.0.3", "fd00:88::3"
	otherIP, otherIP6   = "10.89.0.2", "fd00:89::2"

	prefix = "gc-"
	port   = 8080
)

// host is a machine that was just started, with a LAN and two networks of ours.
type host struct {
	t   testing.TB
	dir string
}

// newHost puts the test on a host of its own.
func newHost(t testing.TB) *host {
	t.Helper()
	h := &host{t: t, dir: t.TempDir()}
	h.make("host")
	self, err := os.Open(h.ns("host"))
	must(t, err)
	defer self.Close()
	// Not unlocked: the thread ends with the test.
	runtime.LockOSThread()
	must(t, unix.Setns(int(self.Fd()), unix.CLONE_NEWNET))
	for _, sysctl := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding", "bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables"} {
		path := "/proc/sys/net/" + sysctl
		if _, err := os.Stat(path); err != nil && strings.HasPrefix(sysctl, "bridge") {
			t.Log("no br_netfilter in this kernel")
			continue
		}
		must(t, os.WriteFile(path, []byte("1"), 0o644))
	}
	h.join("lan", "uplink", "", "10.99.0.1", lanIP, "fd00:99::1", lanIP6)
	h.bridge("gc-test", "10.88.0.1", "fd00:88::1")
	h.join("first", "veth1", "gc-test", "10.88.0.1", firstIP, "fd00:88::1", firstIP6)
	h.join("second", "veth2", "gc-test", "10.88.0.1", secondIP, "fd00:88::1", secondIP6)
	h.bridge("gc-other", "10.89.0.1", "fd00:89::1")
	h.join("other", "veth3", "gc-other", "10.89.0.1", otherIP, "fd00:89::1", otherIP6)
	for _, name := range []string{"lan", "first", "second", "other"} {
		h.serve(name, fmt.Sprintf(":%d", port))
	}
	return h
}

// ns is where the namespace of a machine is; a path is one already.
func (h *host) ns(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(h.dir, name)
}

func (h *host) make(name string) {
	must(h.t, netns.Create(h.ns(name), func() error {
		lo, err := netlink.LinkByName("lo")
		if err == nil {
			err = netlink.LinkSetUp(lo)
		}
		return err
	}))
	h.t.Cleanup(func() { must(h.t, netns.Remove(h.ns(name))) })
}

func (h *host) bridge(name string, ips ...string) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	b := &netlink.Bridge{LinkAttrs: attrs}
	must(h.t, netlink.LinkAdd(b))
	h.configure(b, ips...)
}

// join makes a namespace that is joined to the host by a pair of links: to a
// bridge, or with the gateways' addresses on the host's link.
func (h *host) join(name, link, bridge, gateway, ip, gateway6, ip6 string) {
	h.make(name)
	in, err := os.Open(h.ns(name))
	must(h.t, err)
	defer in.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = link
	pair := netlink.NewVeth(attrs)
	pair.PeerName, pair.PeerNamespace = "eth0", netlink.NsFd(in.Fd())
	must(h.t, netlink.LinkAdd(pair))
	if bridge == "" {
		h.configure(pair, gateway, gateway6)
	} else {
		b, err := netlink.LinkByName(bridge)
		must(h.t, err)
		must(h.t, netlink.LinkSetMaster(pair, b))
		h.configure(pair)
	}
	must(h.t, netns.Do(h.ns(name), func() error {
		inner, err := netlink.LinkByName("eth0")
		must(h.t, err)
		h.configure(inner, ip, ip6)
		for _, gw := range []string{gateway, gateway6} {
			must(h.t, netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(gw), LinkIndex: inner.Attrs().Index}))
		}
		return nil
	}))
}

func (h *host) configure(l netlink.Link, ips ...string) {
	must(h.t, netlink.LinkSetUp(l))
	for _, s := range ips {
		ip, bits := net.ParseIP(s), 64
		if ip.To4() != nil {
			ip, bits = ip.To4(), 24
		}
		must(h.t, netlink.AddrAdd(l, &netlink.Addr{
			IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, 8*len(ip))}, Flags: unix.IFA_F_NODAD,
		}))
	}
}

// serve answers each connection in the namespace.
func (h *host) serve(name, addr string) {
	h.t.Helper()
	must(h.t, netns.Do(h.ns(name), func() error {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		h.t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, name)
				_ = c.Close()
			}
		}()
		return nil
	}))
}

// patience is how long a packet that should arrive may take; what must not
// arrive is waited for less.
const (
	patience   = 10 * time.Second
	impatience = 300 * time.Millisecond
)

// ask returns what a server answers to a client in the namespace.
func (h *host) ask(from, addr string, wait time.Duration) (answer string, err error) {
	err = netns.Do(h.ns(from), func() error {
		c, err := net.DialTimeout("tcp", addr, wait)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(wait)); err != nil {
			return err
		}
		b, err := io.ReadAll(c)
		answer = string(b)
		return err
	})
	return answer, err
}

// ways are the ways of our packets: in, out, within a network, between two.
var ways = [][2]string{
	{"lan", firstIP}, {"lan", firstIP6}, {"first", lanIP}, {"first", lanIP6}, {"first", secondIP}, {"first", secondIP6},
	{"first", otherIP}, {"other", firstIP6}, {"other", lanIP},
}

func at(ip string) string { return net.JoinHostPort(ip, fmt.Sprint(port)) }

func (h *host) allPass() {
	h.t.Helper()
	for _, w := range ways {
		if _, err := h.ask(w[0], at(w[1]), patience); err != nil {
			h.t.Errorf("from %s to %s nothing passes: %v", w[0], w[1], err)
		}
	}
}

// blocked checks the other way round that there is something to do.
func (h *host) blocked(from, to string) {
	h.t.Helper()
	if answer, err := h.ask(from, to, impatience); err == nil {
		h.t.Errorf("%s reaches %s (%s), which it should not", from, to, answer)
	}
}

func (h *host) ensure(want bool) {
	h.t.Helper()
	changed, err := Ensure(h.t.Context(), prefix)
	must(h.t, err)
	if changed != want {
		h.t.Errorf("Ensure says changed: %v", changed)
	}
}

// keep does what the supervisor does: it ensures at first, and after each
// change until the test ends.
func (h *host) keep() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- netns.Do(h.ns("host"), func() error {
			changes, err := Watch(ctx)
			for ; err == nil; _, err = Ensure(context.Background(), prefix) {
				if _, ok := <-changes; !ok {
					return nil
				}
			}
			return err
		})
	}()
	h.t.Cleanup(func() {
		stop()
		must(h.t, <-done)
	})
}

// run returns what the program prints on the host.
func (h *host) run(program string, args ...string) string {
	h.t.Helper()
	return h.feed("", program, args...)
}

func (h *host) feed(stdin, program string, args ...string) string {
	h.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: %v: %s", cmd, err, out)
	}
	return string(out)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for what happens by itself soon.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	eventuallyIn(t, patience, what, is)
}

func eventuallyIn(t testing.TB, patience time.Duration, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after %v: %s", patience, what)
		}
	}
}
