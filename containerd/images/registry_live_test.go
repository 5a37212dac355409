//go:build live

package images_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// fakeRegistry is a registry in this process that counts what is asked of it
// and can be made to misbehave.
type fakeRegistry struct {
	*httptest.Server
	t testing.TB

	mu    sync.Mutex
	blobs []string // digests of the blobs that were sent, in order
	// wrap, if set, stands before the registry.
	wrap func(w http.ResponseWriter, r *http.Request, next http.Handler)
}

func newRegistry(t testing.TB) *fakeRegistry {
	r := &fakeRegistry{t: t}
	r.Server = httptest.NewServer(r.handler())
	t.Cleanup(r.Close)
	return r
}

func newTLSRegistry(t testing.TB) *fakeRegistry {
	r := &fakeRegistry{t: t}
	r.Server = httptest.NewUnstartedServer(r.handler())
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

func (f *fakeRegistry) handler() http.Handler {
	next := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		wrap := f.wrap
		if _, digest, ok := strings.Cut(r.URL.Path, "/blobs/"); ok && r.Method == http.MethodGet {
			f.blobs = append(f.blobs, digest)
		}
		f.mu.Unlock()
		if wrap == nil {
			next.ServeHTTP(w, r)
			return
		}
		wrap(w, r, next)
	})
}

// ranges lets a registry answer requests for the rest of a blob, which the one
// in this process refuses with status 416.
func ranges(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "" {
			next.ServeHTTP(w, r)
			return
		}
		whole := r.Clone(r.Context())
		whole.Header.Del("Range")
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, whole)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(rec.Body.Bytes()))
	})
}

func (f *fakeRegistry) host() string { return f.Listener.Addr().String() }

func (f *fakeRegistry) setWrap(wrap func(http.ResponseWriter, *http.Request, http.Handler)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrap = wrap
}

// sent returns the blobs sent since the last call.
func (f *fakeRegistry) sent() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	sent := f.blobs
	f.blobs = nil
	return sent
}

func (f *fakeRegistry) transport() remote.Option {
	return remote.WithTransport(f.Client().Transport)
}

// push stores img and returns its name.
func (f *fakeRegistry) push(repository string, img v1.Image) string {
	f.t.Helper()
	ref := f.host() + "/" + repository
	tag, err := name.ParseReference(ref)
	must(f.t, err)
	must(f.t, remote.Write(tag, img, f.transport()))
	return tag.Name()
}

func (f *fakeRegistry) pushIndex(repository string, index v1.ImageIndex) string {
	f.t.Helper()
	ref := f.host() + "/" + repository
	tag, err := name.ParseReference(ref)
	must(f.t, err)
	must(f.t, remote.WriteIndex(tag, index, f.transport()))
	return tag.Name()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// file is one entry of a layer. A name that ends in a slash is a folder.
type file struct{ name, content string }

func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o755, Size: int64(len(f.content)), Typeflag: tar.TypeReg}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		must(t, w.WriteHeader(h))
		_, err := io.WriteString(w, f.content)
		must(t, err)
	}
	must(t, w.Close())
	return buf.Bytes()
}

func gzipLayer(t testing.TB, files ...file) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, err := w.Write(tarOf(t, files...))
	must(t, err)
	must(t, w.Close())
	return layerOf(t, buf.Bytes(), types.OCILayer)
}

func zstdLayer(t testing.TB, files ...file) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf)
	must(t, err)
	_, err = w.Write(tarOf(t, files...))
	must(t, err)
	must(t, w.Close())
	return layerOf(t, buf.Bytes(), types.OCILayerZStd)
}

func plainLayer(t testing.TB, files ...file) v1.Layer {
	t.Helper()
	return layerOf(t, tarOf(t, files...), types.OCIUncompressedLayer)
}

func layerOf(t testing.TB, data []byte, kind types.MediaType) v1.Layer {
	t.Helper()
	if kind == types.OCIUncompressedLayer {
		l, err := partial.UncompressedToLayer(plain{data})
		must(t, err)
		return rawLayer{l, data, kind}
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }, tarball.WithMediaType(kind))
	must(t, err)
	return rawLayer{l, data, kind}
}

// plain is a layer that is not compressed.
type plain struct{ data []byte }

func (p plain) DiffID() (v1.Hash, error) {
	h, _, err := v1.SHA256(bytes.NewReader(p.data))
	return h, err
}
func (p plain) Uncompressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(p.data)), nil
}
func (p plain) MediaType() (types.MediaType, error) { return types.OCIUncompressedLayer, nil }

// rawLayer is sent as it is.
type rawLayer struct {
	v1.Layer
	data []byte
	kind types.MediaType
}

func (l rawLayer) Digest() (v1.Hash, error) {
	h, _, err := v1.SHA256(bytes.NewReader(l.data))
	return h, err
}
func (l rawLayer) Size() (int64, error)                { return int64(len(l.data)), nil }
func (l rawLayer) MediaType() (types.MediaType, error) { return l.kind, nil }
func (l rawLayer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.data)), nil
}

// bulk returns n bytes that do not compress.
func bulk(t testing.TB, n int) string {
	t.Helper()
	data := make([]byte, n)
	_, err := rand.Read(data)
	must(t, err)
	return string(data)
}

// build makes an image for a platform.
func build(t testing.TB, platform string, layers ...v1.Layer) v1.Image {
	t.Helper()
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	img = mutate.ConfigMediaType(img, types.OCIConfigJSON)
	os, arch, _ := strings.Cut(platform, "/")
	cf, err := img.ConfigFile()
	must(t, err)
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture = os, arch
	cf.Config.Env = []string{"PATH=/bin", "GREETING=hello"}
	cf.Config.Volumes = map[string]struct{}{"/data": {}}
	cf.Config.Healthcheck = &v1.HealthConfig{Test: []string{"CMD", "true"}, Interval: 3e9, Retries: 4}
	img, err = mutate.ConfigFile(img, cf)
	must(t, err)
	for _, l := range layers {
		img, err = mutate.Append(img, mutate.Addendum{Layer: l})
		must(t, err)
	}
	return img
}

func indexOf(t testing.TB, images map[string]v1.Image) v1.ImageIndex {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for platform, img := range images {
		os, arch, _ := strings.Cut(platform, "/")
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        img,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: os, Architecture: arch}},
		})
	}
	return index
}
