package images

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gocompose/gocompose/containerd/registry"
)

// PushOptions change how an image is pushed. The zero value is good.
type PushOptions struct {
	// Progress, if not nil, is called from any goroutine, one call at a time.
	Progress func(Progress)
	// Registry says how registries are reached; its zero value: as the
	// environment says.
	Registry registry.Config
}

// Push sends the image that ref names to the registry of that name, and what is there
// already not again. Of an image for several platforms of which not all are on
// this host, what there is for the store's is sent alone. ErrNotFound if there is none.
func (s *Store) Push(ctx context.Context, ref string, o PushOptions) error {
	named, err := normalize(ref)
	if err != nil {
		return err
	}
	if digested(named) {
		return fmt.Errorf("image %s: a digest is no name to push by: give it a tag", ref)
	}
	target, err := s.pushable(quietly(ctx), named.String())
	if err != nil {
		return notHere(ref, err)
	}
	if err := s.push(quietly(ctx), named.String(), target, o); err != nil {
		return explain(ctx, failure{image: named, registry: o.Registry, err: err})
	}
	return nil
}

// pushable returns what of the image of that name is here and can be sent: all that it
// stands for, or else the manifest for the store's platform.
func (s *Store) pushable(ctx context.Context, name string) (ocispec.Descriptor, error) {
	record, err := s.raw.ImageService().Get(ctx, name)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if s.foreign == "" {
		lacks, err := s.lacks(ctx, record.Target)
		if err != nil || !lacks {
			return record.Target, err
		}
	}
	desc, _, err := s.manifest(ctx, record.Target)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if lacks, err := s.lacks(ctx, desc); lacks || err != nil {
		return desc, errors.Join(err, errdefs.ErrNotFound)
	}
	return desc, nil
}

// lacks tells whether a part of target is not on this host.
func (s *Store) lacks(ctx context.Context, target ocispec.Descriptor) (bool, error) {
	store := s.raw.ContentStore()
	err := images.Walk(ctx, images.HandlerFunc(func(ctx context.Context, d ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		if _, err := store.Info(ctx, d.Digest); err != nil {
			return nil, err
		}
		return images.Children(ctx, store, d)
	}), target)
	if errdefs.IsNotFound(err) {
		return true, nil
	}
	return false, err
}

func (s *Store) push(ctx context.Context, name string, target ocispec.Descriptor, o PushOptions) error {
	pusher, err := registry.Resolver(ctx, o.Registry).Pusher(ctx, name)
	if err != nil {
		return err
	}
	store := s.raw.ContentStore()
	layers, err := s.layersBelow(ctx, target)
	if err != nil {
		return err
	}
	t := newTracker(o.Progress, Uploading)
	t.expect(layers)
	return remotes.PushContent(ctx, countedPusher{pusher, t}, target, store, s.downloads, platforms.All, once)
}

// once leaves out what has come before. Images for several platforms may have layers in
// common, and one image may have a layer twice: begun at the same time, two pushes of it
// take the state of each other.
func once(h images.Handler) images.Handler {
	var seen sync.Map
	return images.HandlerFunc(func(ctx context.Context, d ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		if _, again := seen.LoadOrStore(d.Digest, true); again {
			return nil, images.ErrSkipDesc
		}
		return h.Handle(ctx, d)
	})
}

// layersBelow returns the layers of all manifests below target.
func (s *Store) layersBelow(ctx context.Context, target ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	var layers []ocispec.Descriptor
	store := s.raw.ContentStore()
	err := images.Walk(ctx, images.HandlerFunc(func(ctx context.Context, d ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		if images.IsLayerType(d.MediaType) {
			layers = append(layers, d)
		}
		return images.Children(ctx, store, d)
	}), target)
	return layers, err
}

// countedPusher is a pusher whose bytes are counted.
type countedPusher struct {
	remotes.Pusher
	t *tracker
}

func (c countedPusher) Push(ctx context.Context, desc ocispec.Descriptor) (content.Writer, error) {
	w, err := c.Pusher.Push(ctx, desc)
	if errdefs.IsAlreadyExists(err) {
		c.t.status(desc.Digest, Exists)
	}
	if err != nil {
		return nil, err
	}
	return &countedWriter{Writer: w, t: c.t, of: desc}, nil
}

type countedWriter struct {
	content.Writer
	t  *tracker
	of ocispec.Descriptor
	at int64
}

func (c *countedWriter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.at += int64(n)
	c.t.at(c.of.Digest, min(c.at, c.of.Size))
	return n, err
}

// Truncate begins anew, as the copy does when a connection breaks.
func (c *countedWriter) Truncate(size int64) error {
	c.at = size
	return c.Writer.Truncate(size)
}

// Commit ends the layer.
func (c *countedWriter) Commit(ctx context.Context, size int64, expected digest.Digest, opts ...content.Opt) error {
	err := c.Writer.Commit(ctx, size, expected, opts...)
	if err == nil || errdefs.IsAlreadyExists(err) {
		c.t.status(c.of.Digest, Uploaded)
	}
	return err
}
