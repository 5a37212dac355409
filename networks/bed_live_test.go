//go:build live

package networks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
	"github.com/gocompose/gocompose/networks/nft"
	"github.com/gocompose/gocompose/project"
)

// bedVar is the folder of the tests, on which each has a tmpfs for its state.
const bedVar = "GOCOMPOSE_TEST_BED"

func TestMain(m *testing.M) {
	if livetest.Inside() {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "networks-bed-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(livetest.Namespace{Env: []string{bedVar + "=" + dir}, After: func() error { return os.Remove(dir) }}.Run())
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

// secondIP is in another LAN, behind a gateway of its own.
const secondIP = "10.98.0.2"

// secondLAN returns its namespace.
func (b *bed) secondLAN() string {
	path, link := b.neighbour("second", secondIP, "10.98.0.1")
	h := b.handle()
	defer h.Close()
	b.configure(h, link, "10.98.0.1")
	return path
}

// neighbour returns a namespace that is joined to the host by a link of that
// name, and the link.
func (b *bed) neighbour(name, own, gateway string) (path string, link netlink.Link) {
	b.t.Helper()
	path = filepath.Join(filepath.Dir(b.lan), name)
	h := b.handle()
	defer h.Close()
	must(b.t, netns.Create(path, func() error {
		f, err := os.Open("/proc/thread-self/ns/net")
		must(b.t, err)
		defer f.Close()
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		pair := netlink.NewVeth(attrs)
		pair.PeerName, pair.PeerNamespace = "eth0", netlink.NsFd(f.Fd())
		must(b.t, h.LinkAdd(pair))
		link = pair
		must(b.t, h.LinkSetUp(pair))
		in := b.handle()
		defer in.Close()
		inner, err := in.LinkByName("eth0")
		must(b.t, err)
		b.configure(in, inner, own)
		return in.RouteAdd(&netlink.Route{Gw: ip(gateway)})
	}))
	b.t.Cleanup(func() {
		must(b.t, removeLink(name))
		must(b.t, netns.Remove(path))
	})
	return path, link
}

// dockerIP is that of a container on a bridge of another engine.
const dockerIP = "10.97.0.2"

// dockerLike returns the namespace of a container of another engine, whose bridge
// has the name.
func (b *bed) dockerLike(bridge string) string {
	b.t.Helper()
	h := b.handle()
	defer h.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = bridge
	link := &netlink.Bridge{LinkAttrs: attrs}
	must(b.t, h.LinkAdd(link))
	b.t.Cleanup(func() { must(b.t, removeLink(bridge)) })
	b.configure(h, link, "10.97.0.1")
	path, port := b.neighbour("theirs", dockerIP, "10.97.0.1")
	must(b.t, h.LinkSetMaster(port, link))
	return path
}

// routeTo gives the namespace a route.
func (b *bed) routeTo(path, to, by string) {
	b.t.Helper()
	must(b.t, within(path, func() error {
		h := b.handle()
		defer h.Close()
		return h.RouteAdd(&netlink.Route{Dst: ipNet(netip.MustParsePrefix(to).Masked()), Gw: ip(by)})
	}))
}

func ip(s string) net.IP { return net.ParseIP(s) }

func (b *bed) configure(h *netlink.Handle, l netlink.Link, ip string) {
	if ip != "" {
		must(b.t, h.AddrAdd(l, &netlink.Addr{IPNet: ipNet(netip.MustParsePrefix(ip + "/24"))}))
	}
	must(b.t, h.LinkSetUp(l))
}

// The same of IPv6.
const (
	hostIP6 = "fd99::1"
	lanIP6  = "fd99::2"
)

// lan6 gives the LAN and the host's end of it addresses of IPv6.
func (b *bed) lan6() {
	b.t.Helper()
	give := func(link, addr string) {
		must(b.t, setSysctl("net/ipv6/conf/"+link+"/disable_ipv6", "0"))
		h := b.handle()
		defer h.Close()
		l, err := h.LinkByName(link)
		must(b.t, err)
		must(b.t, addAddress(h, l, netip.MustParsePrefix(addr+"/64")))
	}
	give("uplink", hostIP6)
	must(b.t, netns.Do(b.lan, func() error {
		give("eth0", lanIP6)
		return nil
	}))
}

func atPort(addr netip.Addr, port uint16) string { return netip.AddrPortFrom(addr, port).String() }

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
		req.Endpoints = append(req.Endpoints, NetworkEndpoint{Endpoint: project.Endpoint{Network: n}, Names: []string{id}})
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
	for _, dir := range []string{b.p.Netns(), b.p.Endpoints(), b.p.Addresses(), b.p.Networks(), b.p.Forwarding(), b.p.Shared()} {
		if files, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(files) > 0 {
			b.t.Errorf("files are left: %v (%v)", files, err)
		}
	}
}

// links returns the names of our links.
func (b *bed) links() []string {
	h := b.handle()
	defer h.Close()
	all, err := whole(h.LinkList)
	must(b.t, err)
	var names []string
	for _, l := range all {
		if name := l.Attrs().Name; strings.HasPrefix(name, "gc") {
			names = append(names, name)
		}
	}
	return names
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
