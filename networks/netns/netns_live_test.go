//go:build live

package netns_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gocompose/gocompose/networks/netns"
)

// here is the namespace of the calling thread.
func here(t *testing.T) string {
	t.Helper()
	is, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return is
}

func create(t *testing.T) (path, inside string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "netns", "web")
	if err := netns.Create(path, func() error { inside = here(t); return nil }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := netns.Remove(path); err != nil {
				t.Error(err)
			}
		}
		if is, err := netns.Exists(path); is || err != nil {
			t.Errorf("removed, and Exists() = %v, %v", is, err)
		}
	})
	return path, inside
}

func TestOneEntersTheNamespaceThatWasMade(t *testing.T) {
	path, inside := create(t)
	if is, err := netns.Exists(path); !is || err != nil {
		t.Errorf("Exists() = %v, %v", is, err)
	}
	if inside == here(t) {
		t.Error("Create did not make a namespace of its own")
	}
	failed := errors.New("failed")
	err := netns.Do(path, func() error {
		if got := here(t); got != inside {
			t.Errorf("in %s, want %s", got, inside)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("Do() = %v, want the error of the function", err)
	}
}

func TestASocketStaysInItsNamespace(t *testing.T) {
	path, _ := create(t)
	var c net.PacketConn
	if err := netns.Do(path, func() (err error) {
		c, err = net.ListenPacket("udp4", "0.0.0.0:53")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	outside, err := net.ListenPacket("udp4", "127.0.0.1:53")
	if err != nil {
		t.Skip("somebody has the port outside: ", err)
	}
	outside.Close()
}

func TestNoThreadStaysInANamespace(t *testing.T) {
	path, inside := create(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := netns.Do(path, func() error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	outside := here(t)
	for range 200 {
		wg.Go(func() {
			if got := here(t); got != outside {
				t.Errorf("a goroutine finds itself in %s", got)
			}
		})
	}
	wg.Wait()
	first, err := os.Readlink("/proc/self/ns/net") // the first thread's
	if err != nil || first == inside {
		t.Errorf("the first thread is in %s (%v)", first, err)
	}
}

func TestANamespaceIsBoundOverWhatAKilledAttemptLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := netns.Create(path, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if is, err := netns.Exists(path); !is || err != nil {
		t.Errorf("Exists() = %v, %v", is, err)
	}
	if err := netns.Remove(path); err != nil {
		t.Fatal(err)
	}
}
