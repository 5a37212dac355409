//go:build live

package images_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	godigest "github.com/opencontainers/go-digest"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/containerd/registry"
)

func layerDigest(t *testing.T, l v1.Layer) string {
	t.Helper()
	d, err := l.Digest()
	must(t, err)
	return d.String()
}

// wantFailure pulls ref and wants an error of a class that says all of parts.
func wantFailure(t *testing.T, s *images.Store, ref string, class error, parts ...string) {
	t.Helper()
	_, err := s.Pull(t.Context(), ref, images.PullOptions{Registry: registry.Config{Stall: time.Second}})
	if !errors.Is(err, class) {
		t.Errorf("got %v, want %v", err, class)
	}
	if err == nil {
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

// partly answers requests for a blob with at most n bytes of what they ask for,
// and then breaks the connection.
func partly(digest string, n int) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, digest) {
			next.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		ranges(next).ServeHTTP(rec, r)
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Length", strconv.Itoa(rec.Body.Len()))
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes()[:min(n, rec.Body.Len())])
		if n < rec.Body.Len() {
			panic(http.ErrAbortHandler)
		}
	}
}

func TestInterruptedPullGoesOnWhereItEnded(t *testing.T) {
	c, s := newStore(t)
	r := newRegistry(t)
	small, big := gzipLayer(t, file{"small", "x"}), gzipLayer(t, file{"big", bulk(t, 8<<20)})
	ref := r.push("app:1", build(t, here(), small, big))
	held := make(chan struct{})
	var ranged atomic.Bool
	r.setWrap(func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if req.Method != http.MethodGet || !strings.HasSuffix(req.URL.Path, layerDigest(t, big)) {
			next.ServeHTTP(w, req)
			return
		}
		data, err := big.Compressed()
		if err != nil {
			t.Error(err)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(8<<20))
		_, _ = io.CopyN(w, data, 5<<20)
		w.(http.Flusher).Flush()
		<-held
	})
	run, end, err := c.Lease(t.Context(), "test", "")
	must(t, err)
	ctx, cancel := context.WithCancel(run)
	pulled := make(chan error, 1)
	go func() {
		_, err := s.Pull(ctx, ref, images.PullOptions{})
		pulled <- err
	}()
	awaitIngest(t, c, layerDigest(t, big), 4<<20)
	awaitContent(t, c, layerDigest(t, small))
	cancel()
	err = <-pulled
	close(held)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want that it was cancelled", err)
	}
	if _, err := s.Get(t.Context(), ref); !errors.Is(err, images.ErrNotFound) {
		t.Errorf("half an image is there: %v", err)
	}
	r.setWrap(func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if req.Header.Get("Range") != "" {
			ranged.Store(true)
		}
		ranges(next).ServeHTTP(w, req)
	})
	r.sent()
	_, err = s.Pull(run, ref, images.PullOptions{})
	must(t, err)
	if !ranged.Load() {
		t.Error("the big layer was fetched from its beginning")
	}
	for _, d := range r.sent() {
		if d == layerDigest(t, small) {
			t.Error("the small layer was fetched again")
		}
	}
	must(t, end(t.Context()))
	img, err := s.Get(t.Context(), ref)
	must(t, err)
	if len(read(t, s, img, "big")) != 8<<20 {
		t.Error("the big file is not whole")
	}
	must(t, s.Remove(t.Context(), ref))
	wantNothingLeft(t, c)
}

// awaitIngest waits until containerd has n bytes of an unfinished blob.
func awaitIngest(t *testing.T, c *containerd.Client, digest string, n int64) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		list, err := c.Raw().ContentStore().ListStatuses(t.Context())
		must(t, err)
		for _, i := range list {
			if strings.HasSuffix(i.Ref, digest) && i.Offset >= n {
				return
			}
		}
	}
	t.Fatalf("%s does not come", digest)
}

// awaitContent waits until a layer is there, whole.
func awaitContent(t *testing.T, c *containerd.Client, digest string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := c.Raw().ContentStore().Info(t.Context(), godigest.Digest(digest)); err == nil {
			return
		}
	}
	t.Fatalf("%s does not come", digest)
}

func TestRegistryWithoutRangesIsAskedForAllAgain(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	l := gzipLayer(t, file{"big", bulk(t, 3<<20)})
	ref := r.push("app:1", build(t, here(), l))
	var asked atomic.Int32
	r.setWrap(func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if strings.HasSuffix(req.URL.Path, layerDigest(t, l)) && asked.Add(1) == 1 {
			partly(layerDigest(t, l), 2<<20)(w, req, next)
			return
		}
		next.ServeHTTP(w, req) // 416 to a range
	})
	img := pull(t, s, ref)
	if len(read(t, s, img, "big")) != 3<<20 {
		t.Error("the big file is not whole")
	}
	if asked.Load() < 3 {
		t.Errorf("asked %d times, want at least: broken, refused, whole", asked.Load())
	}
}

func TestBrokenConnectionsAreResumed(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	l := gzipLayer(t, file{"big", bulk(t, 3<<20)})
	ref := r.push("app:1", build(t, here(), l))
	r.setWrap(partly(layerDigest(t, l), 1<<20))
	img := pull(t, s, ref)
	if len(read(t, s, img, "big")) != 3<<20 {
		t.Error("the big file is not whole")
	}
}

func TestBlobThatEndsEarlyFailsThePull(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	l := gzipLayer(t, file{"big", bulk(t, 1<<20)})
	ref := r.push("app:1", build(t, here(), l))
	r.setWrap(func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if strings.HasSuffix(req.URL.Path, layerDigest(t, l)) {
			fmt.Fprint(w, "short")
			return
		}
		next.ServeHTTP(w, req)
	})
	wantFailure(t, s, ref, images.ErrDamaged, "incomplete", r.host())
	r.setWrap(nil)
	pull(t, s, ref)
}

func TestBlobThatDoesNotMatchIsNotKept(t *testing.T) {
	c, s := newStore(t)
	r := newRegistry(t)
	l := gzipLayer(t, file{"a", bulk(t, 1<<16)})
	ref := r.push("app:1", build(t, here(), l))
	size, err := l.Size()
	must(t, err)
	r.setWrap(func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if strings.HasSuffix(req.URL.Path, layerDigest(t, l)) {
			fmt.Fprint(w, strings.Repeat("x", int(size)))
			return
		}
		next.ServeHTTP(w, req)
	})
	ctx, end, err := c.Lease(t.Context(), "test", "")
	must(t, err)
	_, err = s.Pull(ctx, ref, images.PullOptions{})
	if !errors.Is(err, images.ErrDamaged) {
		t.Errorf("got %v", err)
	}
	r.setWrap(nil)
	_, err = s.Pull(ctx, ref, images.PullOptions{})
	must(t, err)
	must(t, end(t.Context()))
}

func TestMissingImagesSayWhatToDo(t *testing.T) {
	c, s := newStore(t)
	r := newRegistry(t)
	r.push("app:1", build(t, here(), gzipLayer(t, file{"a", "x"})))
	wantFailure(t, s, r.host()+"/app:2", images.ErrNotInRegistry, r.host()+"/app:2", "check the name and tag", "gocompose image load")
	wantFailure(t, s, r.host()+"/none", images.ErrNotInRegistry, r.host()+"/none:latest")
	wantNothingLeft(t, c)
}

func TestLayerThatTheRegistryLacks(t *testing.T) {
	c, s := newStore(t)
	r := newRegistry(t)
	l := gzipLayer(t, file{"a", "x"})
	ref := r.push("app:1", build(t, here(), gzipLayer(t, file{"b", "x"}), l))
	r.setWrap(func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if strings.HasSuffix(req.URL.Path, layerDigest(t, l)) {
			http.NotFound(w, req)
			return
		}
		next.ServeHTTP(w, req)
	})
	wantFailure(t, s, ref, images.ErrDamaged, r.host(), "lacks")
	if _, err := s.Get(t.Context(), ref); !errors.Is(err, images.ErrNotFound) {
		t.Errorf("half an image is there: %v", err)
	}
	wantLeases(t, c, 0)
}

func TestRegistryThatIsDown(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	host := r.host()
	r.Close()
	wantFailure(t, s, host+"/app:1", images.ErrUnreachable, host, "refused", "hosts.toml")
}

func TestRegistryThatHangs(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	l := gzipLayer(t, file{"a", bulk(t, 1<<20)})
	ref := r.push("app:1", build(t, here(), l))
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for _, what := range []string{"/manifests/1", layerDigest(t, l)} {
		r.setWrap(func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if strings.HasSuffix(req.URL.Path, what) {
				select {
				case <-release:
				case <-req.Context().Done():
				}
				return
			}
			next.ServeHTTP(w, req)
		})
		wantFailure(t, s, ref, images.ErrUnreachable, r.host(), "sent nothing for 1s")
	}
	// A body that stops is asked for again; then it comes.
	var asked atomic.Int32
	r.setWrap(func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if strings.HasSuffix(req.URL.Path, layerDigest(t, l)) && asked.Add(1) == 1 {
			data, err := l.Compressed()
			if err != nil {
				t.Error(err)
				return
			}
			size, _ := l.Size()
			w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
			_, _ = io.CopyN(w, data, 4096)
			w.(http.Flusher).Flush()
			<-req.Context().Done()
			return
		}
		next.ServeHTTP(w, req)
	})
	_, err := s.Pull(t.Context(), ref, images.PullOptions{Registry: registry.Config{Stall: time.Second}})
	must(t, err)
}

func TestRegistryThatIsBusy(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	for code, class := range map[int]error{
		http.StatusTooManyRequests:    images.ErrRateLimited,
		http.StatusServiceUnavailable: images.ErrUnreachable,
		http.StatusForbidden:          images.ErrUnauthorized,
	} {
		r.setWrap(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(code)
			fmt.Fprint(w, `{"errors":[{"code":"X","message":"because"}]}`)
		})
		wantFailure(t, s, r.host()+"/app:1", class, r.host())
	}
}
