package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gocompose/gocompose/containerd/registry"
)

// copier copies images from one repository into another, without this host's store.
type copier struct {
	fetcher remotes.Fetcher
	pusher  remotes.Pusher
}

// maxManifest bounds what is read into memory: registries take no larger ones.
const maxManifest = 4 << 20

// CopyImage copies what the name from stands for in its registry, for all platforms, into
// the repository of the name to, where it has no name but its digest. It returns its
// description.
func CopyImage(ctx context.Context, from, to string, cfg registry.Config) (ocispec.Descriptor, error) {
	source, err := normalize(from)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	target, err := normalize(to)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	ctx = quietly(ctx)
	resolver := registry.Resolver(ctx, cfg)
	_, desc, err := resolver.Resolve(ctx, source.String())
	if err != nil {
		return desc, explain(ctx, failure{image: source, registry: cfg, err: err})
	}
	fetcher, err := resolver.Fetcher(ctx, source.String())
	if err != nil {
		return desc, explain(ctx, failure{image: source, registry: cfg, err: err})
	}
	pusher, err := resolver.Pusher(ctx, reference.TrimNamed(target).String())
	if err != nil {
		return desc, explain(ctx, failure{image: target, registry: cfg, err: err})
	}
	if err := (copier{fetcher, pusher}).copy(ctx, desc, maxIndexDepth); err != nil {
		return desc, fmt.Errorf("copying image %s: %w", source, explain(ctx, failure{image: target, registry: cfg, err: err}))
	}
	return desc, nil
}

// copy copies what is below desc, and then desc itself.
func (c copier) copy(ctx context.Context, desc ocispec.Descriptor, depth int) error {
	if !images.IsManifestType(desc.MediaType) && !images.IsIndexType(desc.MediaType) {
		return c.blob(ctx, desc)
	}
	if depth == 0 {
		return errors.New("too many indices in each other")
	}
	data, err := readBlob(ctx, c.fetcher, desc)
	if err != nil {
		return err
	}
	var parts struct {
		Config            *ocispec.Descriptor
		Layers, Manifests []ocispec.Descriptor
	}
	if err := json.Unmarshal(data, &parts); err != nil {
		return fmt.Errorf("manifest %s: %w", desc.Digest, err)
	}
	below := append(parts.Manifests, parts.Layers...)
	if parts.Config != nil {
		below = append(below, *parts.Config)
	}
	for _, part := range below {
		if err := c.copy(ctx, part, depth-1); err != nil {
			return err
		}
	}
	return pushBlob(ctx, c.pusher, desc, data)
}

// blob copies what the registry has not, through this process.
func (c copier) blob(ctx context.Context, desc ocispec.Descriptor) error {
	w, err := c.pusher.Push(ctx, desc)
	if errdefs.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := c.fetcher.Fetch(ctx, desc)
	if err != nil {
		return errors.Join(err, w.Close())
	}
	err = content.Copy(ctx, w, r, desc.Size, desc.Digest)
	return errors.Join(err, w.Close(), r.Close())
}

// PushIndex sends an index of images that are in the repository of a name, without a name
// but its digest.
func PushIndex(ctx context.Context, ref string, index ocispec.Index, cfg registry.Config) error {
	named, err := normalize(ref)
	if err != nil {
		return err
	}
	data, err := json.Marshal(index)
	if err != nil {
		return err
	}
	ctx = quietly(ctx)
	pusher, err := registry.Resolver(ctx, cfg).Pusher(ctx, reference.TrimNamed(named).String())
	if err == nil {
		err = pushBlob(ctx, pusher, describe(ocispec.MediaTypeImageIndex, data), data)
	}
	if err != nil {
		return explain(ctx, failure{image: named, registry: cfg, err: err})
	}
	return nil
}
