package containerd_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/containerd"
)

func TestConnectNamesTheAddressAndTheNextStep(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.sock")
	stale := filepath.Join(t.TempDir(), "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		missing:                           "--address or CONTAINERD_ADDRESS",
		"unix://" + missing:               missing,
		stale:                             "start containerd again",
		"/" + strings.Repeat("long/", 40): "too long",
	} {
		_, err := containerd.Connect(t.Context(), containerd.Config{Address: address})
		if !errors.Is(err, containerd.ErrUnreachable) {
			t.Errorf("%s: got %v, want ErrUnreachable", address, err)
			continue
		}
		for _, part := range []string{want, strings.TrimPrefix(address, "unix://")} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", address, err, part)
			}
		}
	}
}

func TestConnectRefusesABadConfig(t *testing.T) {
	for _, cfg := range []containerd.Config{
		{},
		{Address: "/x.sock", Namespace: "no/slashes"},
	} {
		if _, err := containerd.Connect(t.Context(), cfg); err == nil || errors.Is(err, containerd.ErrUnreachable) {
			t.Errorf("%+v: got %v", cfg, err)
		}
	}
}

func TestConnectEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := containerd.Connect(ctx, containerd.Config{Address: "/none.sock"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
