package main

import (
	"context"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/moby/buildkit/cache"
	cacheconfig "github.com/moby/buildkit/cache/config"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/util/compression"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// packAll packs the layers of results that are not yet. A step may have been one of an image
// that stays on this host, whose layers are left as they are: where there are such and the
// image is to be compressed, they are by what is asked with as from here on.
func packAll(ctx context.Context, results []cache.ImmutableRef, as *cacheconfig.RefConfig, s session.Group) error {
	if as.Compression.Type == compression.Uncompressed || as.Compression.Force {
		return nil // which the writer does itself
	}
	for _, ref := range results {
		remotes, err := ref.GetRemotes(ctx, true, *as, false, s)
		if err != nil {
			return err
		}
		for _, d := range remotes[0].Descriptors {
			if d.MediaType == ocispec.MediaTypeImageLayer {
				as.Compression.Type, as.Compression.Force = ofPlain{as.Compression.Type}, true
				return nil
			}
		}
	}
	return nil
}

// ofPlain is how those layers are packed that are not compressed. Others, as those that an
// image lies on, stay as they are, however they are compressed.
type ofPlain struct{ compression.Type }

// NeedsConversion tells whether a layer is not compressed.
func (ofPlain) NeedsConversion(_ context.Context, _ content.Store, d ocispec.Descriptor) (bool, error) {
	return d.MediaType == ocispec.MediaTypeImageLayer, nil
}
