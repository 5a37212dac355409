package images

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
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
	unpacked := map[string]unpackedLayer{}
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
func (s *Store) measure(ctx context.Context, target ocispec.Descriptor, parts Parts, unpacked map[string]unpackedLayer) error {
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

// unpackedLayer is a snapshot: what it takes in bytes, and the name of the one it lies on.
type unpackedLayer struct {
	size  int64
	below string
}

// measureLayers adds the unpacked layers of a configuration. Those that were built here
// lie below the snapshot of the image, under names that BuildKit has given them.
func (s *Store) measureLayers(ctx context.Context, desc ocispec.Descriptor, parts Parts, unpacked map[string]unpackedLayer) error {
	c, err := s.config(ctx, desc)
	if err != nil {
		return err
	}
	for _, chain := range identity.ChainIDs(slices.Clone(c.RootFS.DiffIDs)) {
		for name := chain.String(); name != ""; {
			layer, known := unpacked[name]
			if !known {
				if layer, err = s.unpackedLayer(ctx, name); err != nil {
					return err
				}
				unpacked[name] = layer
			}
			parts[LayerPart(name)] = layer.size
			name = layer.below
		}
	}
	return nil
}

// unpackedLayer looks at a snapshot. One that is not there takes nothing.
func (s *Store) unpackedLayer(ctx context.Context, name string) (unpackedLayer, error) {
	info, err := s.snapshots.Stat(ctx, name)
	if err == nil {
		var use snapshots.Usage
		use, err = s.snapshots.Usage(ctx, name)
		if err == nil {
			return unpackedLayer{use.Size, info.Parent}, nil
		}
	}
	if errdefs.IsNotFound(err) {
		return unpackedLayer{}, nil
	}
	return unpackedLayer{}, fmt.Errorf("measuring a layer: %w", err)
}

// layerSizes are what the layers of an image take, unpacked, the lowest first. Some that were
// built are not each by itself on the disk: then it is what they take packed.
func (s *Store) layerSizes(ctx context.Context, manifest ocispec.Descriptor, chains []digest.Digest) ([]int64, error) {
	if len(chains) == 0 {
		return nil, nil
	}
	below := map[string]string{} // by the names of chains, that of the layer under it
	under := ""
	for _, c := range chains {
		below[c.String()] = under
		under = c.String()
	}
	var sizes []int64
	for name := chains[len(chains)-1].String(); name != ""; {
		layer, err := s.unpackedLayer(ctx, name)
		if err != nil {
			return nil, err
		}
		// On top of what was built here lies a snapshot with nothing in it.
		if under, named := below[name]; !named || under == layer.below {
			sizes = append(sizes, layer.size)
		}
		name = layer.below
	}
	if len(sizes) == len(chains) {
		slices.Reverse(sizes)
		return sizes, nil
	}
	_, m, err := s.manifest(ctx, manifest)
	if err != nil {
		return nil, err
	}
	sizes = nil
	for _, d := range m.Layers {
		sizes = append(sizes, d.Size)
	}
	return sizes, nil
}
