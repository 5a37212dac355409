//go:build live

package ports_test

import (
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/gocompose/gocompose/networks/netns"
	"github.com/gocompose/gocompose/networks/ports"
)

func TestWhoListensIsSeenInTheNamespaceOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ns")
	err := netns.Create(path, func() error {
		h, err := netlink.NewHandle()
		if err != nil {
			return err
		}
		defer h.Close()
		return h.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 1}})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := netns.Remove(path); err != nil {
			t.Error(err)
		}
	})
	want := func(port uint16, want bool) {
		t.Helper()
		got, err := ports.Listening(path, []uint16{port})
		if err != nil || got != want {
			t.Errorf("port %d: %v, want %v (%v)", port, got, want, err)
		}
	}
	want(listen(t, "tcp4", "0.0.0.0:0"), false) // in another namespace
	for _, at := range []struct {
		network, addr string
		port          uint16
		want          bool
	}{{"tcp4", "0.0.0.0", 7000, true}, {"tcp", "::", 7001, true}, {"tcp4", "127.0.0.1", 7002, false}} {
		want(at.port, false)
		err := netns.Do(path, func() error {
			l, err := net.Listen(at.network, net.JoinHostPort(at.addr, fmt.Sprint(at.port)))
			if err == nil {
				t.Cleanup(func() { l.Close() })
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		want(at.port, at.want)
	}
	if got, err := ports.Listening(path+"-gone", nil); got || err == nil {
		t.Errorf("a namespace that is not there: %v, %v", got, err)
	}
}

func BenchmarkLookingWhoListens(b *testing.B) {
	path := filepath.Join(b.TempDir(), "ns")
	if err := netns.Create(path, func() error { return nil }); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = netns.Remove(path) }()
	for b.Loop() {
		if _, err := ports.Listening(path, []uint16{80}); err != nil {
			b.Fatal(err)
		}
	}
}
