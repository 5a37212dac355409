package registry

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProxiesOfDockersConfiguration(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	for text, want := range map[string]map[string]string{
		"":             nil,
		`{"auths":{}}`: {},
		`{"proxies":{"default":{"httpProxy":"http://user:word@proxy.example:1","noProxy":"local"},"tcp://other":{"httpsProxy":"http://x"}}}`: {
			"HTTP_PROXY": "http://user:word@proxy.example:1", "http_proxy": "http://user:word@proxy.example:1", "NO_PROXY": "local", "no_proxy": "local",
		},
		`{"proxies":{"default":{"httpsProxy":"https://p","ftpProxy":"ftp://p","allProxy":"socks5://p"}}}`: {
			"HTTPS_PROXY": "https://p", "https_proxy": "https://p", "FTP_PROXY": "ftp://p", "ftp_proxy": "ftp://p", "ALL_PROXY": "socks5://p", "all_proxy": "socks5://p",
		},
	} {
		if text != "" {
			if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		} else if err := os.RemoveAll(filepath.Join(dir, "config.json")); err != nil {
			t.Fatal(err)
		}
		if got, err := Proxies(); err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"proxies":"http://user:word@p"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Proxies(); err == nil || !strings.Contains(err.Error(), CredentialsFile()) || strings.Contains(err.Error(), "word") {
		t.Errorf("%v", err)
	}
}
