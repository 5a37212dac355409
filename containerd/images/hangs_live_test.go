//go:build live

package images_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/containerd/registry"
)

// unheard is an address that nobody answers at: the connections that its listener has
// room for are taken.
func unheard(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { must(t, unix.Close(fd)) })
	must(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, unix.Listen(fd, 0))
	at, err := unix.Getsockname(fd)
	must(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", at.(*unix.SockaddrInet4).Port)
	for {
		c, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = c.Close() })
	}
}

// mute is an address where connections are taken and nothing is said.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	return l.Addr().String()
}

// reach has mirrored.invalid asked for at server.
func reach(t *testing.T, server string) string {
	t.Helper()
	certs := filepath.Join(os.Getenv("GOCOMPOSE_CERTS_D"), "mirrored.invalid")
	must(t, os.MkdirAll(certs, 0o700))
	must(t, os.WriteFile(filepath.Join(certs, "hosts.toml"), fmt.Appendf(nil, "server = %q\n", server), 0o600))
	return "mirrored.invalid/app:1"
}

// begin sends the first n bytes of what a layer has, and then nothing more.
func begin(digest string, n int64) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if !strings.HasSuffix(req.URL.Path, digest) {
			next.ServeHTTP(w, req)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(1<<20))
		_, _ = io.CopyN(w, zeros{}, n)
		w.(http.Flusher).Flush()
		<-req.Context().Done()
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestRegistriesThatAreSilentEndAPull(t *testing.T) {
	_, s := newStore(t)
	const silence = "sent nothing for 1s"
	t.Run("when connecting", func(t *testing.T) {
		at := unheard(t)
		wantFailure(t, s, at+"/app:1", images.ErrUnreachable, at, silence)
		wantFailure(t, s, reach(t, "http://"+at), images.ErrUnreachable, "mirrored.invalid", silence)
	})
	t.Run("before anything", func(t *testing.T) {
		at := mute(t)
		wantFailure(t, s, reach(t, "https://"+at), images.ErrUnreachable, silence)
		wantFailure(t, s, reach(t, "http://"+at), images.ErrUnreachable, silence)
	})
	t.Run("in every body", func(t *testing.T) {
		r := newRegistry(t)
		l := gzipLayer(t, file{"a", bulk(t, 1<<20)})
		ref := r.push("app:1", build(t, here(), l))
		r.setWrap(begin(layerDigest(t, l), 4096))
		wantFailure(t, s, ref, images.ErrUnreachable, r.host(), silence)
		if n := len(r.sent()); n > 4 { // manifest's configuration, and the layer twice or so
			t.Errorf("asked %d times: whoever is silent is given up", n)
		}
		r.setWrap(nil)
		pull(t, s, ref)
	})
}

func TestPlainHTTPWhereTLSIsWanted(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	r.push("app:1", build(t, here(), gzipLayer(t, file{"a", "x"})))
	ref := reach(t, "https://"+r.host())
	wantFailure(t, s, ref, images.ErrUntrusted, "mirrored.invalid does not speak TLS", "hosts.toml")
	pull(t, s, reach(t, "http://"+r.host()))
}

func TestMirrorsThatFailAreGoneRound(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	r.push("app:1", build(t, here(), gzipLayer(t, file{"a", "x"})))
	down := newRegistry(t)
	down.Close()
	busy := newRegistry(t)
	busy.setWrap(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusTooManyRequests)
	})
	ref := reach(t, "http://"+r.host())
	hosts := filepath.Join(os.Getenv("GOCOMPOSE_CERTS_D"), "mirrored.invalid", "hosts.toml")
	text := fmt.Sprintf("server = \"http://%s\"\n", r.host())
	for _, mirror := range []string{down.host(), busy.host(), mute(t), newRegistry(t).host()} { // the last has nothing
		text += fmt.Sprintf("[host.\"http://%s\"]\ncapabilities = [\"pull\", \"resolve\"]\n", mirror)
	}
	must(t, os.WriteFile(hosts, []byte(text), 0o600))
	_, err := s.Pull(t.Context(), ref, images.PullOptions{Registry: registry.Config{Stall: time.Second}})
	must(t, err)
	// When nobody has it, it is the registry's own answer that counts.
	wantFailure(t, s, "mirrored.invalid/none:1", images.ErrNotInRegistry, "mirrored.invalid/none:1")
}
