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
		"":                                   "",
		"search a b\nnameserver 192.0.2.1\n": "192.0.2.1:53",
		"# nameserver 192.0.2.9\nnameserver 127.0.0.53\noptions edns0":                           "127.0.0.53:53",
		"nameserver 127.0.0.11\nnameserver fd00::1":                                              "[fd00::1]:53",
		"nameserver fe80::1%eth0":                                                                "[fe80::1%eth0]:53",
		"nameserver nonsense\nnameserver 192.0.2.1":                                              "192.0.2.1:53",
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
	stamp := time.Now().Add(-time.Hour)
	for i, content := range []string{"nameserver 192.0.2.1\n", "nameserver 192.0.2.2\n", "", "nameserver 192.0.2.3\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, stamp, stamp.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
		got, err := r.Servers()
		if err != nil || len(got) != strings.Count(content, "nameserver") || len(got) == 1 && !strings.Contains(content, got[0].Addr().String()) {
			t.Errorf("%q: %v (%v)", content, got, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Servers(); err != nil || len(got) != 0 {
		t.Errorf("without a file: %v (%v)", got, err)
	}
}
