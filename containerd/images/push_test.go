package images

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// blobs is a store that is only read.
type blobs map[digest.Digest][]byte

func (b blobs) ReaderAt(_ context.Context, d ocispec.Descriptor) (content.ReaderAt, error) {
	return blob{bytes.NewReader(b[d.Digest])}, nil
}

// add puts v, as JSON unless it is text, and returns what names it.
func (b blobs) add(mediaType string, v any) ocispec.Descriptor {
	data, ok := v.([]byte)
	if !ok {
		data, _ = json.Marshal(v)
	}
	d := describe(mediaType, data)
	b[d.Digest] = data
	return d
}

type blob struct{ *bytes.Reader }

func (blob) Close() error { return nil }

// seenPusher counts how often each blob is begun.
type seenPusher struct {
	mu    sync.Mutex
	begun map[digest.Digest]int
}

func (p *seenPusher) Push(_ context.Context, d ocispec.Descriptor) (content.Writer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun[d.Digest]++
	return nil, errdefs.ErrAlreadyExists
}

// What the images of an index have in common, and what one of them has twice, is begun once:
// two uploads of one blob at a time spoil each other.
func TestALayerInCommonIsSentOnce(t *testing.T) {
	store := blobs{}
	layer := store.add(ocispec.MediaTypeImageLayer, []byte("layer"))
	manifest := func(arch string) ocispec.Descriptor {
		config := store.add(ocispec.MediaTypeImageConfig, ocispec.Image{Platform: ocispec.Platform{OS: "linux", Architecture: arch}})
		return store.add(ocispec.MediaTypeImageManifest, ocispec.Manifest{
			MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: []ocispec.Descriptor{layer, layer},
		})
	}
	index := store.add(ocispec.MediaTypeImageIndex, ocispec.Index{
		MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{manifest("amd64"), manifest("arm64")},
	})
	p := &seenPusher{begun: map[digest.Digest]int{}}
	if err := remotes.PushContent(t.Context(), p, index, store, nil, platforms.All, once); err != nil {
		t.Fatal(err)
	}
	for d, n := range p.begun {
		if n != 1 {
			t.Errorf("%s was begun %d times", store[d], n)
		}
	}
	if len(p.begun) != 6 { // a layer, two configurations, two manifests, the index
		t.Errorf("%d blobs were sent", len(p.begun))
	}
}
