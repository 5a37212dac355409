package main

import (
	"context"
	"testing"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/moby/buildkit/cache"
	cacheconfig "github.com/moby/buildkit/cache/config"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/util/compression"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// packedAs is a result with layers of these media types.
type packedAs struct {
	cache.ImmutableRef

	mediaTypes []string
}

func (p packedAs) GetRemotes(context.Context, bool, cacheconfig.RefConfig, bool, session.Group) ([]*solver.Remote, error) {
	var r solver.Remote
	for _, t := range p.mediaTypes {
		r.Descriptors = append(r.Descriptors, ocispec.Descriptor{MediaType: t})
	}
	return []*solver.Remote{&r}, nil
}

func TestLayersThatWereLeftAsTheyAreArePackedForAnImageThatIsCompressed(t *testing.T) {
	const plain, gzip, zstd = ocispec.MediaTypeImageLayer, ocispec.MediaTypeImageLayerGzip, ocispec.MediaTypeImageLayerZstd
	for name, c := range map[string]struct {
		as   compression.Type
		have []string
		want bool
	}{
		"some are not packed":  {compression.Gzip, []string{gzip, plain}, true},
		"all are packed":       {compression.Gzip, []string{gzip, gzip}, false},
		"its base is so":       {compression.Gzip, []string{zstd, images.MediaTypeDockerSchema2LayerGzip, gzip}, false},
		"it is not compressed": {compression.Uncompressed, []string{gzip, plain}, false},
		"there are none":       {compression.Gzip, nil, false},
	} {
		as := cacheconfig.RefConfig{Compression: compression.New(c.as)}
		err := packAll(t.Context(), []cache.ImmutableRef{packedAs{mediaTypes: []string{gzip}}, packedAs{mediaTypes: c.have}}, &as, nil)
		if err != nil || as.Compression.Force != c.want || as.Compression.Type.String() != c.as.String() {
			t.Errorf("%s: %v, packed %v as %s", name, err, as.Compression.Force, as.Compression.Type)
		}
	}
	for mediaType, want := range map[string]bool{plain: true, gzip: false, zstd: false, images.MediaTypeDockerSchema2LayerGzip: false} {
		again, err := ofPlain{compression.Gzip}.NeedsConversion(t.Context(), nil, ocispec.Descriptor{MediaType: mediaType})
		if err != nil || again != want {
			t.Errorf("%s is packed again: %v, %v", mediaType, again, err)
		}
	}
}
