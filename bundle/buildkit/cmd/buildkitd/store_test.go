package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/pkg/labels"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/plugins/content/local"
	cerrdefs "github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	bolt "go.etcd.io/bbolt"
)

// stored is a content store of containerd's, in process.
func stored(t *testing.T) (store, context.Context) {
	t.Helper()
	dir := t.TempDir()
	blobs, err := local.NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(filepath.Join(dir, "meta.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return store{metadata.NewDB(db, blobs, nil).ContentStore(), "ours", filepath.Join(dir, "ingest")},
		namespaces.WithNamespace(t.Context(), "ours")
}

func open(t *testing.T, s store, ctx context.Context, ref, mediaType string) content.Writer {
	t.Helper()
	w, err := s.Writer(ctx, content.WithRef(ref), content.WithDescriptor(ocispec.Descriptor{MediaType: mediaType}))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// random is data of a random size.
func random(most int) []byte {
	data := make([]byte, 1+rand.IntN(most))
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	return data
}

// write writes in pieces of random sizes.
func write(t *testing.T, w content.Writer, data []byte) {
	t.Helper()
	for len(data) > 0 {
		n := min(len(data), 1+rand.IntN(200_000))
		if m, err := w.Write(data[:n]); err != nil || m != n {
			t.Fatal(m, err)
		}
		data = data[n:]
	}
}

func TestALayerIsWrittenToItsFileAndTakenByContainerd(t *testing.T) {
	s, ctx := stored(t)
	for _, mediaType := range []string{ocispec.MediaTypeImageLayer, ocispec.MediaTypeImageLayerGzip} {
		data := random(3 << 20)
		w := open(t, s, ctx, "a/layer", mediaType)
		if _, ours := w.(*layerWriter); !ours {
			t.Fatalf("it is written by %T", w)
		}
		write(t, w, random(1<<20)) // a try that is begun anew
		if err := w.Truncate(0); err != nil {
			t.Fatal(err)
		}
		write(t, w, data)
		if got, err := w.Status(); err != nil || got.Offset != int64(len(data)) || w.Digest() != digest.FromBytes(data) {
			t.Fatal(got, err, w.Digest())
		}
		if err := w.Commit(ctx, 0, w.Digest()); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := content.ReadBlob(ctx, s, ocispec.Descriptor{Digest: w.Digest(), Size: int64(len(data))})
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%v, of %d bytes %d are there", err, len(data), len(got))
		}
		info, err := s.Info(ctx, w.Digest())
		if want := map[bool]string{true: w.Digest().String()}[mediaType == ocispec.MediaTypeImageLayer]; err != nil || info.Labels[labels.LabelUncompressed] != want {
			t.Errorf("%s: %v, %v", mediaType, info, err)
		}
		if left, err := os.ReadDir(s.ingests); err != nil || len(left) > 0 {
			t.Errorf("%v, left: %v", err, left)
		}
	}
}

func TestALayerThatIsThereAlreadyIsSaidToBe(t *testing.T) {
	s, ctx := stored(t)
	data := random(100_000)
	for i, known := range []bool{false, true} {
		w := open(t, s, ctx, string(rune('a'+i)), ocispec.MediaTypeImageLayer)
		write(t, w, data)
		if err := w.Commit(ctx, 0, w.Digest()); cerrdefs.IsAlreadyExists(err) != known || !known && err != nil {
			t.Fatal(err)
		}
	}
}

func TestALayerThatWasGivenUpIsNone(t *testing.T) {
	s, ctx := stored(t)
	w := open(t, s, ctx, "given up", ocispec.MediaTypeImageLayer)
	write(t, w, random(100_000))
	if err := s.Abort(ctx, "given up"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Info(ctx, w.Digest()); !cerrdefs.IsNotFound(err) {
		t.Error(err)
	}
	if left, err := os.ReadDir(s.ingests); err != nil || len(left) > 0 {
		t.Errorf("%v, left: %v", err, left)
	}
}

// Others have written to the file meanwhile, or the disk has: containerd sees it.
func TestALayerIsWhatItsFileHolds(t *testing.T) {
	s, ctx := stored(t)
	w := open(t, s, ctx, "torn", ocispec.MediaTypeImageLayer)
	write(t, w, random(100_000))
	files, err := filepath.Glob(filepath.Join(s.ingests, "*", "data"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Truncate(files[0], w.(*layerWriter).size-1); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(ctx, 0, w.Digest()); err == nil {
		t.Error("it is taken for what it is not")
	}
	if _, err := s.Info(ctx, w.Digest()); !cerrdefs.IsNotFound(err) {
		t.Error(err)
	}
}

func TestWithoutItsFileALayerIsSentToContainerd(t *testing.T) {
	s, ctx := stored(t)
	for name, ingests := range map[string]string{"unknown": "", "elsewhere": filepath.Join(t.TempDir(), "ingest")} {
		s.ingests = ingests
		data := random(100_000)
		w := open(t, s, ctx, name, ocispec.MediaTypeImageLayer)
		write(t, w, data)
		if err := w.Commit(ctx, 0, w.Digest()); err != nil || w.Digest() != digest.FromBytes(data) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNoNewLayerIsWrittenByContainerd(t *testing.T) {
	s, ctx := stored(t)
	for ref, d := range map[string]ocispec.Descriptor{
		"a manifest":     {MediaType: ocispec.MediaTypeImageManifest},
		"what is pulled": {MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromString("layer"), Size: 5},
	} {
		w, err := s.Writer(ctx, content.WithRef(ref), content.WithDescriptor(d))
		if err != nil {
			t.Fatal(err)
		}
		if _, ours := w.(*layerWriter); ours {
			t.Errorf("%s is written to its file", ref)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}
