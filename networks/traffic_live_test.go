//go:build live

package networks

import (
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/networks/netns"
)

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
	b.sendFrom(path, ":0", addr, what)
}

// sendFrom sends from an address that is of the namespace.
func (b *bed) sendFrom(path, from, addr, what string) {
	b.t.Helper()
	must(b.t, within(path, func() error {
		own, err := net.ResolveUDPAddr("udp4", from)
		must(b.t, err)
		c, err := (&net.Dialer{LocalAddr: own}).Dial("udp4", addr)
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
		local, err := whole(func() ([]netlink.Route, error) {
			return h.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_LOCAL}, netlink.RT_FILTER_TABLE)
		})
		must(b.t, err)
		for _, r := range local {
			if r.Dst != nil && r.Dst.IP.IsLoopback() {
				must(b.t, h.RouteDel(&r))
			}
		}
		return h.RouteAdd(&netlink.Route{Dst: ipNet(netip.MustParsePrefix("127.0.0.1/32")), Gw: gw})
	}))
}
