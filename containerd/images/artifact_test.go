package images

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	ours "github.com/gocompose/gocompose/containerd/registry"
)

// artifacts is a registry that takes manifests with a type of their own, or does not.
func artifacts(t *testing.T, typed bool) string {
	t.Helper()
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			body, _ := io.ReadAll(r.Body)
			if !typed && bytes.Contains(body, []byte("artifactType")) {
				http.Error(w, `{"errors":[{"code":"MANIFEST_INVALID","message":"no such field"}]}`, http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		real.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestAnArtifactIsDescribedAsTheRegistryCan(t *testing.T) {
	a := Artifact{
		Type: "application/x.app", EmptyConfig: "application/x.empty", Annotations: map[string]string{"k": "v"},
		Layers: []Layer{{MediaType: "application/x.file", Annotations: map[string]string{"file": "one"}, Content: []byte("one")}, {MediaType: "application/x.file", Content: []byte("two")}},
	}
	for _, tt := range []struct {
		version OCIVersion
		typed   bool
		config  string // empty: an error
		kind    string
	}{
		{OCIAny, true, ocispec.MediaTypeEmptyJSON, "application/x.app"},
		{OCIAny, false, "application/x.empty", ""},
		{OCI10, true, "application/x.empty", ""},
		{OCI11, false, "", ""},
	} {
		ref := artifacts(t, tt.typed) + "/app:1"
		for range 2 { // the second time all is there
			desc, err := PushArtifact(t.Context(), ref, a, tt.version, ours.Config{})
			if tt.config == "" {
				if err == nil || !strings.Contains(err.Error(), "no such field") {
					t.Errorf("%+v: %v", tt, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%+v: %v", tt, err)
			}
			checkArtifact(t, ref, desc.Digest.String(), tt.config, tt.kind)
		}
	}
}

func checkArtifact(t *testing.T, ref, digest, config, kind string) {
	t.Helper()
	named, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	found, err := remote.Get(named)
	if err != nil || found.Digest.String() != digest {
		t.Fatalf("%v, want %s: %v", found, digest, err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(found.Manifest, &m); err != nil {
		t.Fatal(err)
	}
	if m.ArtifactType != kind || m.Config.MediaType != config || m.Annotations["k"] != "v" || len(m.Layers) != 2 || m.Layers[0].Annotations["file"] != "one" {
		t.Errorf("%s", found.Manifest)
	}
	layer, err := remote.Layer(named.Context().Digest(m.Layers[1].Digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	content, err := layer.Compressed() // as it was sent
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if text, err := io.ReadAll(content); err != nil || string(text) != "two" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestTheDigestOfANameIsAskedOfItsRegistry(t *testing.T) {
	host := artifacts(t, true)
	want, err := PushArtifact(t.Context(), host+"/app:1", Artifact{Type: "application/x.app"}, OCI11, ours.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Resolve(t.Context(), host+"/app:1", ours.Config{}); err != nil || got != want.Digest.String() {
		t.Errorf("%s, %v, want %s", got, err, want.Digest)
	}
	if _, err := Resolve(t.Context(), host+"/none:1", ours.Config{}); err == nil || !strings.Contains(err.Error(), "not found in registry") {
		t.Error(err)
	}
	_, err = FetchArtifact(t.Context(), host+"/none:1", "application/x.app", "", ours.Config{})
	if want := "there is no " + host + "/none:1 in registry " + host + ": check the name and tag"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestAnImageIsCopiedWithAllItsPlatforms(t *testing.T) {
	from, to := artifacts(t, true), artifacts(t, true)
	source, err := name.ParseReference(from+"/a/web:1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	index, err := random.Index(100, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(source, index); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		desc, err := CopyImage(t.Context(), from+"/a/web:1", to+"/b/app:2", ours.Config{})
		if err != nil {
			t.Fatal(err)
		}
		there, err := name.ParseReference(to+"/b/app@"+desc.Digest.String(), name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		copied, err := remote.Index(there)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(copied); err != nil { // reads all of it
			t.Error(err)
		}
		if err := PushIndex(t.Context(), to+"/b/app:2", ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{desc}}, ours.Config{}); err != nil {
			t.Error(err)
		}
	}
	if tags, err := remote.List(mustRepo(t, to+"/b/app")); err != nil || len(tags) != 0 {
		t.Errorf("it has names there: %q, %v", tags, err)
	}
	if _, err := CopyImage(t.Context(), from+"/a/none:1", to+"/b/app:2", ours.Config{}); err == nil || !strings.Contains(err.Error(), "none:1 not found in registry") {
		t.Error(err)
	}
}

func mustRepo(t *testing.T, text string) name.Repository {
	t.Helper()
	repo, err := name.NewRepository(text, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}
