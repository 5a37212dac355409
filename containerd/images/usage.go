package images

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Parts are the parts of images on the disk and what they take of it in bytes: what was
// fetched, by its digest, and the unpacked layers. Images that are alike share parts.
type Parts map[string]int64

// Sum is the size of all.
func (p Parts) Sum() (n int64) {
	for _, size := range p {
		n += size
	}
	return n
}

// Parts returns, by the names of all images of this host, what each consists of.
func (s *Store) Parts(ctx context.Context) (map[string]Parts, error) {
	ctx = quietly(ctx)
	all, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]Parts{}
	unpacked := map[string]int64{} // by chain
	for _, record := range all {
		parts := Parts{}
		if err := s.measure(ctx, record.Target, parts, unpacked); err != nil {
			return nil, fmt.Errorf("measuring image %s: %w", record.Name, err)
		}
		out[record.Name] = parts
	}
	return out, nil
}

// measure adds what of target and below it is here.
func (s *Store) measure(ctx context.Context, target ocispec.Descriptor, parts Parts, unpacked map[string]int64) error {
	store := s.raw.ContentStore()
	return images.Walk(ctx, images.HandlerFunc(func(ctx context.Context, d ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		info, err := store.Info(ctx, d.Digest)
		if errdefs.IsNotFound(err) {
			return nil, images.ErrSkipDesc
		}
		if err != nil {
			return nil, err
		}
		parts[d.Digest.String()] = allocated(info.Size)
		if images.IsConfigType(d.MediaType) {
			return nil, s.measureLayers(ctx, d, parts, unpacked)
		}
		children, err := images.Children(ctx, store, d)
		if errdefs.IsNotFound(err) {
			return nil, nil
		}
		return children, err
	}), target)
}

// measureLayers adds the unpacked layers of a configuration.
func (s *Store) measureLayers(ctx context.Context, desc ocispec.Descriptor, parts Parts, unpacked map[string]int64) error {
	c, err := s.config(ctx, desc)
	if err != nil {
		return err
	}
	for _, id := range identity.ChainIDs(slices.Clone(c.RootFS.DiffIDs)) {
		chain := id.String()
		size, known := unpacked[chain]
		if !known {
			use, err := s.snapshots.Usage(ctx, chain)
			if err != nil && !errdefs.IsNotFound(err) {
				return err
			}
			size = use.Size
			unpacked[chain] = size
		}
		parts[LayerPart(chain)] = size
	}
	return nil
}
