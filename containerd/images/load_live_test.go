//go:build live

package images_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/zstd"

	"github.com/gocompose/gocompose/containerd/images"
)

// dockerArchive is what "docker save" wrote before version 25.
func dockerArchive(t *testing.T, tagged map[string]v1.Image) []byte {
	t.Helper()
	refs := map[name.Reference]v1.Image{}
	for tag, img := range tagged {
		ref, err := name.NewTag(tag)
		must(t, err)
		refs[ref] = img
	}
	var buf bytes.Buffer
	must(t, tarball.MultiRefWrite(refs, &buf))
	return buf.Bytes()
}

// ociArchive is a tar of an OCI layout. Annotations are on the index's entry.
func ociArchive(t *testing.T, add func(layout.Path)) []byte {
	t.Helper()
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	must(t, err)
	add(path)
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	must(t, filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: rel, Mode: 0o644, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}))
	must(t, w.Close())
	return buf.Bytes()
}

func zstdOf(t *testing.T, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	must(t, err)
	return w.EncodeAll(data, nil)
}

func gzipOf(t *testing.T, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, err := w.Write(data)
	must(t, err)
	must(t, w.Close())
	return buf.Bytes()
}

func load(t *testing.T, s *images.Store, archive []byte) []images.Image {
	t.Helper()
	loaded, err := s.Load(t.Context(), bytes.NewReader(archive))
	must(t, err)
	return loaded
}

func TestDockerArchivesAreLoaded(t *testing.T) {
	c, s := newStore(t)
	one := build(t, here(), gzipLayer(t, file{"name", "one"}))
	two := build(t, here(), gzipLayer(t, file{"name", "two"}), gzipLayer(t, file{"more", "x"}))
	plain := dockerArchive(t, map[string]v1.Image{"app:1": one, "example.com/team/two": two})
	for kind, archive := range map[string][]byte{"plain": plain, "gzip": gzipOf(t, plain), "zstd": zstdOf(t, plain)} {
		loaded := load(t, s, archive)
		if len(loaded) != 2 {
			t.Fatalf("%s: loaded %+v", kind, loaded)
		}
		for ref, want := range map[string]string{"app:1": "one", "docker.io/library/app:1": "one", "example.com/team/two:latest": "two"} {
			img, err := s.Get(t.Context(), ref)
			must(t, err)
			if got := read(t, s, img, "name"); got != want {
				t.Errorf("%s: %s has %q, want %q", kind, ref, got, want)
			}
		}
		for _, img := range loaded {
			must(t, s.Remove(t.Context(), img.Ref))
		}
		wantNothingLeft(t, c)
	}
}

func TestOCIArchivesAreLoaded(t *testing.T) {
	c, s := newStore(t)
	mine := build(t, here(), zstdLayer(t, file{"name", "mine"}))
	other := build(t, "linux/"+otherArch, gzipLayer(t, file{"name", "other"}))
	for kind, add := range map[string]func(layout.Path){
		"full name": func(p layout.Path) {
			must(t, p.AppendImage(mine, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "app:oci"})))
		},
		"name of containerd": func(p layout.Path) {
			must(t, p.AppendImage(mine, layout.WithAnnotations(map[string]string{
				"io.containerd.image.name": "docker.io/library/app:oci", "org.opencontainers.image.ref.name": "oci",
			})))
		},
		"index of platforms": func(p layout.Path) {
			must(t, p.AppendIndex(indexOf(t, map[string]v1.Image{here(): mine, "linux/" + otherArch: other}),
				layout.WithAnnotations(map[string]string{"io.containerd.image.name": "docker.io/library/app:oci"})))
		},
	} {
		loaded := load(t, s, ociArchive(t, add))
		if len(loaded) != 1 || loaded[0].Ref != "docker.io/library/app:oci" || loaded[0].Digest != digestOf(t, mine) {
			t.Fatalf("%s: loaded %+v", kind, loaded)
		}
		if got := read(t, s, loaded[0], "name"); got != "mine" {
			t.Errorf("%s: has %q", kind, got)
		}
		must(t, s.Remove(t.Context(), "app:oci"))
		wantNothingLeft(t, c)
	}
}

func TestImageWithoutANameIsNamedByItsID(t *testing.T) {
	_, s := newStore(t)
	img := build(t, here(), gzipLayer(t, file{"name", "x"}))
	for _, annotations := range []map[string]string{nil, {"org.opencontainers.image.ref.name": "latest"}} {
		loaded := load(t, s, ociArchive(t, func(p layout.Path) { must(t, p.AppendImage(img, layout.WithAnnotations(annotations))) }))
		if len(loaded) != 1 || loaded[0].Ref != idOf(t, img) {
			t.Fatalf("loaded %+v, want the name %s", loaded, idOf(t, img))
		}
		got, err := s.Get(t.Context(), idOf(t, img)[7:19])
		if err != nil || got.ID != idOf(t, img) {
			t.Errorf("found by ID: %+v, %v", got, err)
		}
	}
	must(t, s.Remove(t.Context(), idOf(t, img)))
}

func TestLoadedAndPulledAreTheSame(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	img := build(t, here(), gzipLayer(t, file{"name", "x"}))
	ref := r.push("app:1", img)
	load(t, s, ociArchive(t, func(p layout.Path) {
		must(t, p.AppendImage(img, layout.WithAnnotations(map[string]string{"io.containerd.image.name": ref})))
	}))
	pull(t, s, ref)
	if sent := r.sent(); len(sent) > 0 {
		t.Errorf("fetched %v although it had been loaded", sent)
	}
}

// An archive's index does not say what its images are for; their configurations do.
func TestLoadedImageIsForItsPlatformOnly(t *testing.T) {
	_, s := newStore(t)
	load(t, s, dockerArchive(t, map[string]v1.Image{"app:1": build(t, here(), gzipLayer(t, file{"name", "x"}))}))
	other := s.For("linux/" + otherArch)
	if found, err := other.Find(t.Context(), []string{"app:1"}); err != nil || len(found) > 0 {
		t.Errorf("found for another platform: %v, %v", found, err)
	}
	_, err := other.Get(t.Context(), "app:1")
	if !errors.Is(err, images.ErrPlatform) || !strings.Contains(err.Error(), "made for "+here()+", and linux/"+otherArch+" is asked for") {
		t.Errorf("got for another platform: %v", err)
	}
	if found, err := s.For(here()).Find(t.Context(), []string{"app:1"}); err != nil || len(found) != 1 {
		t.Errorf("found for its own: %v, %v", found, err)
	}
}

func TestBadArchivesSayWhatIsWrong(t *testing.T) {
	c, s := newStore(t)
	good := dockerArchive(t, map[string]v1.Image{"app:1": build(t, here(), gzipLayer(t, file{"name", bulk(t, 1<<20)}))})
	foreign := dockerArchive(t, map[string]v1.Image{"app:1": build(t, "linux/"+otherArch, gzipLayer(t, file{"name", "x"}))})
	for want, archive := range map[string][]byte{
		"ends too early":              good[:len(good)/2],
		"not an archive of images":    []byte(strings.Repeat("no tar at all ", 100)),
		"made for linux/" + otherArch: foreign,
	} {
		_, err := s.Load(t.Context(), bytes.NewReader(archive))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for name, archive := range map[string][]byte{"empty": nil, "other tar": tarOf(t, file{"README", "hello"}), "cut gzip": gzipOf(t, good)[:1000]} {
		if _, err := s.Load(t.Context(), bytes.NewReader(archive)); !errors.Is(err, images.ErrDamaged) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	list, err := s.List(t.Context())
	must(t, err)
	if len(list) > 0 {
		t.Errorf("there is %+v", list)
	}
	wantLeases(t, c, 0)
}

func TestLoadReadsToTheEnd(t *testing.T) {
	_, s := newStore(t)
	r, w := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		archive := dockerArchive(t, map[string]v1.Image{"app:1": build(t, here(), gzipLayer(t, file{"name", "x"}))})
		_, err := w.Write(append(archive, make([]byte, 1<<20)...))
		w.Close()
		wrote <- err
	}()
	if _, err := s.Load(t.Context(), r); err != nil {
		t.Error(err)
	}
	must(t, r.Close())
	if err := <-wrote; err != nil {
		t.Errorf("the writer got %v", err)
	}
}

func TestLoadEndsWithItsContext(t *testing.T) {
	c, s := newStore(t)
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		archive := dockerArchive(t, map[string]v1.Image{"app:1": build(t, here(), gzipLayer(t, file{"name", bulk(t, 1<<20)}))})
		_, _ = w.Write(archive[:len(archive)/2])
		cancel()
		w.CloseWithError(context.Canceled)
	}()
	if _, err := s.Load(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantLeases(t, c, 0)
}
