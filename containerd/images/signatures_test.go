package images

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"

	ours "github.com/gocompose/gocompose/containerd/registry"
	"github.com/gocompose/gocompose/internal/livetest"
)

// signedRegistry is a registry that knows what refers to what, or does not; wrap stands
// before it.
func signedRegistry(t *testing.T, referrers bool, wrap func(w http.ResponseWriter, r *http.Request, next http.Handler)) livetest.Registry {
	t.Helper()
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wrap != nil {
			wrap(w, r, real)
			return
		}
		real.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return livetest.Registry{Host: strings.TrimPrefix(s.URL, "http://")}
}

// pushed puts an image into a registry and returns its digest.
func pushed(t *testing.T, r livetest.Registry, repo string) string {
	t.Helper()
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Push(repo, img); err != nil {
		t.Fatal(err)
	}
	d, err := r.Digest(repo)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSignaturesAreFoundBesideTheImage(t *testing.T) {
	for name, referrers := range map[string]bool{"which the registry knows": true, "at the tag for that": false} {
		t.Run(name, func(t *testing.T) {
			r := signedRegistry(t, referrers, nil)
			d, other := pushed(t, r, "app:1"), pushed(t, r, "app:2")
			s := livetest.NewSigner(t)
			count := func(of string, classic, bundles int) Signatures {
				t.Helper()
				found, err := FetchSignatures(t.Context(), r.Host+"/app:1", of, ours.Config{})
				if err != nil || len(found.Classic) != classic || len(found.Bundles) != bundles {
					t.Errorf("got %d and %d, %v; want %d and %d", len(found.Classic), len(found.Bundles), err, classic, bundles)
				}
				return found
			}
			count(d, 0, 0)
			for _, form := range []livetest.Form{livetest.FormClassic, livetest.FormBundle} {
				if err := r.Sign(s, form, "app:1", d); err != nil {
					t.Fatal(err)
				}
			}
			found := count(d, 1, 1)
			if !strings.Contains(string(found.Classic[0].Payload), d) || found.Classic[0].Annotations["dev.cosignproject.cosign/signature"] == "" {
				t.Errorf("%s, %v", found.Classic[0].Payload, found.Classic[0].Annotations)
			}
			if !strings.Contains(string(found.Bundles[0]), "dsseEnvelope") {
				t.Errorf("%s", found.Bundles[0])
			}
			if err := r.Sign(livetest.NewSigner(t), livetest.FormBundle, "app:1", d); err != nil {
				t.Fatal(err)
			}
			count(d, 1, 2)
			count(other, 0, 0)
		})
	}
}

// What cannot be told is no absence of signatures.
func TestSignaturesThatCannotBeHadAreAnError(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, next http.Handler)
		want   error
		text   string
	}{
		"tags are denied": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, ".sig") {
				http.Error(w, "no", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		}, ErrUnauthorized, "denies access"},
		"referrers are out of order": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.Contains(r.URL.Path, "/referrers/") || strings.Contains(r.URL.Path, "/manifests/sha256-") && !strings.HasSuffix(r.URL.Path, ".sig") {
				http.Error(w, "no", http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, r)
		}, ErrUnreachable, "answers"},
		"a document is another": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
				rec := httptest.NewRecorder()
				next.ServeHTTP(rec, r)
				body := rec.Body.Bytes()
				if bytes.HasPrefix(body, []byte(`{"critical"`)) {
					body = bytes.ToUpper(body)
				}
				for k, v := range rec.Header() {
					w.Header()[k] = v
				}
				w.WriteHeader(rec.Code)
				_, _ = w.Write(body)
				return
			}
			next.ServeHTTP(w, r)
		}, ErrDamaged, "sends something else"},
	} {
		t.Run(name, func(t *testing.T) {
			armed := false
			r := signedRegistry(t, true, func(w http.ResponseWriter, q *http.Request, next http.Handler) {
				if armed {
					tt.answer(w, q, next)
					return
				}
				next.ServeHTTP(w, q)
			})
			d := pushed(t, r, "app:1")
			if err := r.Sign(livetest.NewSigner(t), livetest.FormClassic, "app:1", d); err != nil {
				t.Fatal(err)
			}
			armed = true
			if found, err := FetchSignatures(t.Context(), r.Host+"/app:1", d, ours.Config{}); !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %+v, %v", found, err)
			}
		})
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	_, err := FetchSignatures(t.Context(), strings.TrimPrefix(gone.URL, "http://")+"/app:1", "sha256:"+strings.Repeat("1", 64), ours.Config{})
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("a registry that is not there: %v", err)
	}
}

func TestTooMuchIsNotFetched(t *testing.T) {
	r := signedRegistry(t, true, nil)
	d := pushed(t, r, "app:1")
	for range maxSignatures + 3 {
		if err := r.Sign(livetest.NewSigner(t), livetest.FormBundle, "app:1", d); err != nil {
			t.Fatal(err)
		}
	}
	found, err := FetchSignatures(t.Context(), r.Host+"/app:1", d, ours.Config{})
	if err != nil || len(found.Bundles) != maxSignatures {
		t.Errorf("%d, %v", len(found.Bundles), err)
	}
}
