package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/pkg/labels"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ingest is what one layer is written to.
type ingest struct {
	content.Writer

	written bytes.Buffer
	largest int
	full    int // so much goes in; 0: all
	info    content.Info
	closed  bool
}

var errFull = errors.New("no space is left")

func (i *ingest) Write(p []byte) (int, error) {
	if i.full > 0 && i.written.Len()+len(p) > i.full {
		return 0, errFull
	}
	i.largest = max(i.largest, len(p))
	return i.written.Write(p)
}

func (i *ingest) Digest() digest.Digest { return digest.FromBytes(i.written.Bytes()) }
func (i *ingest) Close() error          { i.closed = true; return nil }

func (i *ingest) Commit(_ context.Context, _ int64, expected digest.Digest, opts ...content.Opt) error {
	i.info.Digest = expected
	for _, o := range opts {
		if err := o(&i.info); err != nil {
			return err
		}
	}
	return nil
}

// pack writes data to a store that has the ingest, in pieces of random sizes.
func pack(t *testing.T, i *ingest, mediaType string, data []byte) error {
	t.Helper()
	w, err := store{opener{ingest: i}}.Writer(t.Context(), content.WithDescriptor(ocispec.Descriptor{MediaType: mediaType}))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 1+rand.IntN(2*pieceSize))
		if rand.IntN(2) == 0 {
			n = min(n, 1+rand.IntN(512))
		}
		piece := bytes.Clone(rest[:n]) // who writes may use it again at once
		if _, err := w.Write(piece); err != nil {
			return err
		}
		clear(piece)
		rest = rest[n:]
	}
	return w.Commit(t.Context(), 0, w.Digest())
}

type opener struct {
	content.Store

	ingest *ingest
}

func (o opener) Writer(context.Context, ...content.WriterOpt) (content.Writer, error) {
	return o.ingest, nil
}

func TestALayerIsSentAsItIsMade(t *testing.T) {
	for range 50 {
		data := make([]byte, rand.IntN(5*pieceSize))
		for i := range data {
			data[i] = byte(rand.Uint32())
		}
		i := &ingest{}
		if err := pack(t, i, ocispec.MediaTypeImageLayer, data); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(i.written.Bytes(), data) || i.largest > pieceSize || !i.closed {
			t.Fatalf("of %d bytes %d arrived, up to %d at once; closed: %v", len(data), i.written.Len(), i.largest, i.closed)
		}
		if d := digest.FromBytes(data); i.info.Digest != d || i.info.Labels[labels.LabelUncompressed] != d.String() {
			t.Fatalf("it is noted as %v, want %s", i.info, d)
		}
	}
}

func TestWhatAPackedLayerHoldsIsNotItsDigest(t *testing.T) {
	i := &ingest{}
	if err := pack(t, i, ocispec.MediaTypeImageLayerGzip, []byte("packed")); err != nil || i.info.Labels != nil {
		t.Errorf("%v, labels %v", err, i.info.Labels)
	}
}

func TestAManifestIsWrittenAtOnce(t *testing.T) {
	i := &ingest{}
	w, err := store{opener{ingest: i}}.Writer(t.Context(), content.WithDescriptor(ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest}))
	if err != nil || w != content.Writer(i) {
		t.Errorf("it is written by %T, %v", w, err)
	}
}

func TestALayerThatDoesNotFitIsNone(t *testing.T) {
	for range 20 {
		size := pieceSize + rand.IntN(3*pieceSize)
		i := &ingest{full: rand.IntN(size-1) + 1}
		if err := pack(t, i, ocispec.MediaTypeImageLayer, make([]byte, size)); !errors.Is(err, errFull) {
			t.Fatalf("%d bytes in %d: %v", size, i.full, err)
		}
		if i.info.Digest != "" || !i.closed {
			t.Fatalf("%s is there; closed: %v", i.info.Digest, i.closed)
		}
	}
}
