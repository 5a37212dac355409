//go:build live

package nft

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/networks/netns"
)

func TestMain(m *testing.M) {
	if livetest.Inside() {
		os.Exit(m.Run())
	}
	os.Exit(livetest.Namespace{}.Run())
}

// bed is a host with bridges and links; behind each of these are namespaces.
type bed struct {
	t     testing.TB
	h     *netlink.Handle
	dir   string
	table *Table
	veths int
}

func newBed(t testing.TB) *bed {
	t.Helper()
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	must(t, err)
	b := &bed{t: t, h: h, dir: t.TempDir(), table: New("gocompose-test")}
	t.Cleanup(func() {
		must(t, b.table.Remove())
		must(t, b.table.Close())
		h.Close()
	})
	must(t, h.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 1}}))
	sysctl(t, "ipv4/ip_forward", "1")
	sysctl(t, "ipv6/conf/all/forwarding", "1")
	return b
}

func sysctl(t testing.TB, name, value string) {
	t.Helper()
	must(t, os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644))
}

// eachBridgeFilter runs the test with packets between the ports of a bridge
// going through the packet filter, and without.
func eachBridgeFilter(t *testing.T, test func(t *testing.T, b *bed)) {
	for _, value := range []string{"0", "1"} {
		t.Run("br_netfilter="+value, func(t *testing.T) {
			if _, err := os.Stat("/proc/sys/net/bridge"); err != nil && value == "1" {
				t.Skip("no br_netfilter in this kernel")
			} else if err == nil {
				sysctl(t, "bridge/bridge-nf-call-iptables", value)
				sysctl(t, "bridge/bridge-nf-call-ip6tables", value)
			}
			test(t, newBed(t))
		})
	}
}

// bridge makes a bridge with these addresses of the host.
func (b *bed) bridge(name string, addrs ...string) {
	b.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	l := &netlink.Bridge{LinkAttrs: attrs}
	must(b.t, b.h.LinkAdd(l))
	b.t.Cleanup(func() { must(b.t, b.h.LinkDel(l)) })
	configure(b.t, b.h, name, addrs...)
	sysctl(b.t, "ipv4/conf/"+name+"/route_localnet", "1")
}

// place makes a namespace with a link to the host, called name there: a port of
// the bridge, if one is given. Its default route leads by gateways.
func (b *bed) place(name, bridge string, gateways []string, addrs ...string) (path string) {
	b.t.Helper()
	path = filepath.Join(b.dir, name)
	must(b.t, netns.Create(path, func() error {
		f, err := os.Open("/proc/thread-self/ns/net")
		must(b.t, err)
		defer f.Close()
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		pair := netlink.NewVeth(attrs)
		pair.PeerName, pair.PeerNamespace = "eth0", netlink.NsFd(f.Fd())
		must(b.t, b.h.LinkAdd(pair))
		if bridge != "" {
			master, err := b.h.LinkByName(bridge)
			must(b.t, err)
			must(b.t, b.h.LinkSetMaster(pair, master))
		}
		must(b.t, b.h.LinkSetUp(pair))
		in, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		must(b.t, err)
		defer in.Close()
		must(b.t, in.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 1}}))
		configure(b.t, in, "eth0", addrs...)
		for _, g := range gateways {
			must(b.t, in.RouteAdd(&netlink.Route{Gw: net.ParseIP(g)}))
		}
		return nil
	}))
	b.t.Cleanup(func() {
		l, err := b.h.LinkByName(name)
		must(b.t, err)
		must(b.t, b.h.LinkDel(l))
		must(b.t, netns.Remove(path))
	})
	return path
}

// configure gives the link addresses, which are good at once.
func configure(t testing.TB, h *netlink.Handle, name string, addrs ...string) {
	t.Helper()
	l, err := h.LinkByName(name)
	must(t, err)
	for _, a := range addrs {
		p := netip.MustParsePrefix(a)
		must(t, h.AddrAdd(l, &netlink.Addr{
			IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())},
			Flags: unix.IFA_F_NODAD,
		}))
	}
	must(t, h.LinkSetUp(l))
}

// serve answers each connection with its name and the address it came from.
func (b *bed) serve(path, addr string) (stop func()) {
	b.t.Helper()
	var l net.Listener
	must(b.t, within(path, func() (err error) {
		l, err = net.Listen("tcp", addr)
		return err
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			from, _, _ := net.SplitHostPort(c.RemoteAddr().String())
			_, _ = io.WriteString(c, filepath.Base(path)+" "+from)
			_ = c.Close()
		}
	}()
	stopped := false
	stop = func() {
		if !stopped {
			l.Close()
			<-done
			stopped = true
		}
	}
	b.t.Cleanup(stop)
	return stop
}

// onLink returns the link's address with its number: the net package keeps the
// numbers of names for a while, and links come and go here.
func (b *bed) onLink(path, addr, link string, port int) string {
	b.t.Helper()
	number := 0
	must(b.t, within(path, func() error {
		in, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		must(b.t, err)
		defer in.Close()
		l, err := in.LinkByName(link)
		must(b.t, err)
		number = l.Attrs().Index
		return nil
	}))
	return fmt.Sprintf("[%s%%%d]:%d", addr, number, port)
}

// What should arrive is waited for longer than what must not.
const (
	someTime = 5 * time.Second
	noTime   = 300 * time.Millisecond
)

// ask connects from the namespace, and returns who answered and which client it
// saw.
func ask(path, addr string, wait time.Duration) (who, saw string, err error) {
	var answer []byte
	err = within(path, func() error {
		c, err := (&net.Dialer{Timeout: wait}).Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		must := c.SetDeadline(time.Now().Add(wait))
		answer, err = io.ReadAll(c)
		// Gone at once: thousands of connections would use up the ports.
		return errors.Join(must, err, c.(*net.TCPConn).SetLinger(0))
	})
	who, saw, _ = strings.Cut(string(answer), " ")
	return who, saw, err
}

func within(path string, fn func() error) error {
	if path == "" {
		return fn()
	}
	return netns.Do(path, fn)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mapping(proto uint8, on string, to ...string) Mapping {
	host := netip.MustParseAddrPort(on)
	m := Mapping{Key: Key{Proto: proto, Host: host.Addr(), Port: host.Port()}}
	for _, a := range to {
		m.To = append(m.To, netip.MustParseAddrPort(a))
	}
	return m
}

func prefixes(of ...string) (ps []netip.Prefix) {
	for _, p := range of {
		ps = append(ps, netip.MustParsePrefix(p))
	}
	return ps
}
