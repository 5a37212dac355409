//go:build live

package images_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/gocompose/gocompose/containerd/images"
)

// answering replaces the bodies of answers whose path ends with end, and says nothing
// of it in their headers but the length.
func answering(end string, replace func(body []byte) []byte) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if !strings.HasSuffix(req.URL.Path, end) || req.Method != http.MethodGet {
			next.ServeHTTP(w, req)
			return
		}
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, req)
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		body := replace(rec.Body.Bytes())
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
	}
}

// Whatever a registry sends that is not what it has promised, nothing of it is kept
// under the promised name, and the same pull succeeds when it keeps its word.
func TestRegistriesThatLie(t *testing.T) {
	c, s := newStore(t)
	l := gzipLayer(t, file{"a", bulk(t, 1<<16)})
	other := gzipLayer(t, file{"a", "other"})
	img := build(t, here(), gzipLayer(t, file{"b", "x"}), l)
	raw, err := img.RawManifest()
	must(t, err)
	for what, wrap := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		// Of the same length, so that only the digest tells.
		"manifest": answering(digestOf(t, img), func(body []byte) []byte {
			return bytes.Replace(body, []byte(`"schemaVersion":2`), []byte(`"schemaVersion":3`), 1)
		}),
		"longer manifest": answering(digestOf(t, img), func(body []byte) []byte { return append(body, ' ') }),
		"configuration":   answering(idOf(t, img), func(body []byte) []byte { return bytes.Replace(body, []byte("hello"), []byte("hullo"), 1) }),
		"layer":           answering(layerDigest(t, l), func(body []byte) []byte { body[len(body)/2] ^= 1; return body }),
		"longer layer":    answering(layerDigest(t, l), func(body []byte) []byte { return append(body, 0) }),
		"shorter layer":   answering(layerDigest(t, l), func(body []byte) []byte { return body[:len(body)-1] }),
		"empty layer":     answering(layerDigest(t, l), func([]byte) []byte { return nil }),
	} {
		t.Run(what, func(t *testing.T) {
			r := newRegistry(t)
			ref := r.push("app:1", img)
			r.setWrap(wrap)
			wantFailure(t, s, ref, images.ErrDamaged, r.host(), "try again")
			if _, err := s.Get(t.Context(), ref); err == nil {
				t.Error("the image is there")
			}
			r.setWrap(nil)
			got := pull(t, s, ref)
			if len(read(t, s, got, "a")) != 1<<16 {
				t.Error("the image is not whole")
			}
			must(t, s.Remove(t.Context(), ref))
			wantNothingLeft(t, c)
		})
	}
	t.Run("digest of the tag", func(t *testing.T) {
		r := newRegistry(t)
		ref := r.push("app:1", img)
		wrong := digestOf(t, build(t, here(), other))
		r.setWrap(func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
			w.Header().Set("Docker-Content-Digest", wrong)
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
			_, _ = w.Write(raw)
		})
		wantFailure(t, s, ref, images.ErrDamaged, r.host())
	})
	t.Run("layer that is not what the configuration says", func(t *testing.T) {
		r := newRegistry(t)
		ref := r.push("app:1", swapped{img, other})
		wantFailure(t, s, ref, images.ErrDamaged, r.host())
		if _, err := s.Get(t.Context(), ref); err == nil {
			t.Error("the image is there")
		}
	})
}

// swapped is an image with another last layer than its configuration says.
type swapped struct {
	v1.Image
	last v1.Layer
}

func (i swapped) Manifest() (*v1.Manifest, error) {
	m, err := i.Image.Manifest()
	if err != nil {
		return nil, err
	}
	m = m.DeepCopy()
	digest, err := i.last.Digest()
	if err != nil {
		return nil, err
	}
	size, err := i.last.Size()
	if err != nil {
		return nil, err
	}
	m.Layers[len(m.Layers)-1].Digest, m.Layers[len(m.Layers)-1].Size = digest, size
	return m, nil
}

func (i swapped) RawManifest() ([]byte, error) {
	m, err := i.Manifest()
	if err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

func (i swapped) Digest() (v1.Hash, error) {
	raw, err := i.RawManifest()
	if err != nil {
		return v1.Hash{}, err
	}
	h, _, err := v1.SHA256(bytes.NewReader(raw))
	return h, err
}

func (i swapped) Layers() ([]v1.Layer, error) {
	all, err := i.Image.Layers()
	if err != nil {
		return nil, err
	}
	return append(all[:len(all)-1:len(all)-1], i.last), nil
}

func (i swapped) LayerByDigest(h v1.Hash) (v1.Layer, error) {
	if digest, err := i.last.Digest(); err == nil && digest == h {
		return i.last, nil
	}
	l, err := i.Image.LayerByDigest(h)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", h, err)
	}
	return l, nil
}
