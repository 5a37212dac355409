//go:build live

package images_test

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/containerd/registry"
)

// protect wants a user name and a password.
func protect(user, password string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
			return
		}
		next.ServeHTTP(w, r)
	}
}

func logIn(t *testing.T, host, user, password string) {
	t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	must(t, os.WriteFile(registry.CredentialsFile(), fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, host, auth), 0o600))
}

func TestCredentialsOverTLS(t *testing.T) {
	_, s := newStore(t)
	r := newTLSRegistry(t)
	ref := r.push("app:1", build(t, here(), gzipLayer(t, file{"a", "x"})))
	r.setWrap(protect("ann", "s3cret-word"))
	file := registry.CredentialsFile()
	wantFailure(t, s, ref, images.ErrUnauthorized, "gocompose login "+r.host(), file)
	logIn(t, r.host(), "ann", "wr0ng-word")
	wantFailure(t, s, ref, images.ErrUnauthorized, r.host(), file)
	_, err := s.Pull(t.Context(), ref, images.PullOptions{})
	encoded := base64.StdEncoding.EncodeToString([]byte("ann:wr0ng-word"))
	if strings.Contains(err.Error(), "wr0ng-word") || strings.Contains(err.Error(), encoded) {
		t.Errorf("the error tells the password: %v", err)
	}
	logIn(t, r.host(), "ann", "s3cret-word")
	pull(t, s, ref)
}

// A registry on this machine need not be trusted by certificate; here one is
// reached through a mirror entry, which takes that exception away.
func TestMirrorsAndCertificates(t *testing.T) {
	_, s := newStore(t)
	r := newTLSRegistry(t)
	pushed := r.push("app:1", build(t, here(), gzipLayer(t, file{"a", "x"})))
	certs := filepath.Join(os.Getenv("GOCOMPOSE_CERTS_D"), "mirrored.invalid")
	must(t, os.MkdirAll(certs, 0o700))
	hosts := filepath.Join(certs, "hosts.toml")
	write := func(text string) { t.Helper(); must(t, os.WriteFile(hosts, []byte(text), 0o600)) }
	const ref = "mirrored.invalid/app:1"

	write(fmt.Sprintf("server = \"https://%s\"\n", r.host()))
	wantFailure(t, s, ref, images.ErrUntrusted, "certificate", filepath.Join(certs, "ca.crt"))

	write("server = ???\n")
	_, err := s.Pull(t.Context(), ref, images.PullOptions{})
	if err == nil || !strings.Contains(err.Error(), hosts+":1:") {
		t.Errorf("a bad hosts.toml: %v", err)
	}

	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw})
	must(t, os.WriteFile(filepath.Join(certs, "ca.crt"), ca, 0o600))
	write(fmt.Sprintf("[host.\"https://%s\"]\ncapabilities = [\"pull\", \"resolve\"]\nca = \"ca.crt\"\n", r.host()))
	img := pull(t, s, ref)
	if img.Ref != ref {
		t.Errorf("named %s, want %s (pushed as %s)", img.Ref, ref, pushed)
	}
}
