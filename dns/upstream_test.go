package dns_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/dns"
)

func TestResolvConf(t *testing.T) {
	for content, want := range map[string]string{
		"":                                   "127.0.0.1:53",
		"search a b\nnameserver 192.0.2.1\n": "192.0.2.1:53",
		"# nameserver 192.0.2.9\nnameserver 127.0.0.53\noptions edns0": "127.0.0.53:53",
		"nameserver 127.0.0.11":                     "127.0.0.11:53", // the host is a container of Docker's
		"nameserver nonsense":                       "127.0.0.1:53",
		"nameserver fe80::1%eth0":                   "[fe80::1%eth0]:53",
		"nameserver nonsense\nnameserver 192.0.2.1": "192.0.2.1:53",
		"nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4": "192.0.2.1:53 192.0.2.2:53 192.0.2.3:53",
	} {
		path := filepath.Join(t.TempDir(), "resolv.conf")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := dns.NewResolvConf(path).Servers()
		if text := strings.Trim(fmt.Sprint(got), "[]"); err != nil || fmt.Sprint(got) != "["+want+"]" {
			t.Errorf("%q: %q (%v), want %q", content, text, err, want)
		}
	}
}

func TestAChangedResolvConfIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	r := dns.NewResolvConf(path)
	want := func(when, server string) {
		t.Helper()
		if got, err := r.Servers(); err != nil || len(got) != 1 || got[0].Addr().String() != server {
			t.Errorf("%s: %v (%v), want %s", when, got, err, server)
		}
	}
	write := func(path, content string, modified time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	stamp := time.Now().Add(-time.Hour)
	want("without a file", "127.0.0.1")
	write(path, "nameserver 192.0.2.1\n", stamp)
	want("made", "192.0.2.1")
	write(path, "nameserver 192.0.2.2\n", stamp.Add(time.Second))
	want("written", "192.0.2.2")
	write(path, "", stamp.Add(2*time.Second))
	want("emptied", "127.0.0.1")
	write(path, "nameserver 192.0.2.3\n", stamp)
	want("written again", "192.0.2.3")

	// As the copy that a VPN puts back: as old and as long as the one it replaces.
	copied := path + ".saved"
	write(copied, "nameserver 192.0.2.4\n", stamp)
	if err := os.Rename(copied, path); err != nil {
		t.Fatal(err)
	}
	want("replaced", "192.0.2.4")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want("removed", "127.0.0.1")
}
