package images

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

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
	// Progress, if not nil, is called from any goroutine, one call at a time, with
	// bytes that the registry has and bytes of the layers.
	Progress func(current, total int64)
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
	u := &upload{report: o.Progress, sent: map[digest.Digest]int64{}, size: map[digest.Digest]int64{}}
	for _, l := range layers {
		if _, known := u.size[l.Digest]; !known {
			u.size[l.Digest] = l.Size
			u.total += l.Size
		}
	}
	return remotes.PushContent(ctx, countedPusher{pusher, u}, target, store, s.downloads, platforms.All, nil)
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

// upload counts what of the layers the registry has, and reports it.
type upload struct {
	report func(current, total int64)

	mu       sync.Mutex
	sent     map[digest.Digest]int64
	size     map[digest.Digest]int64 // of the layers
	current  int64
	total    int64
	reported time.Time
}

// at says that the registry has so many bytes of a blob.
func (u *upload) at(d digest.Digest, n int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	size, layer := u.size[d]
	if !layer || u.report == nil {
		return
	}
	n = min(n, size)
	u.current += n - u.sent[d]
	u.sent[d] = n
	if n < size && time.Since(u.reported) < reportInterval {
		return
	}
	u.reported = time.Now()
	u.report(u.current, u.total)
}

// countedPusher is a pusher whose bytes are counted.
type countedPusher struct {
	remotes.Pusher
	u *upload
}

func (c countedPusher) Push(ctx context.Context, desc ocispec.Descriptor) (content.Writer, error) {
	w, err := c.Pusher.Push(ctx, desc)
	if errdefs.IsAlreadyExists(err) {
		c.u.at(desc.Digest, desc.Size)
	}
	if err != nil {
		return nil, err
	}
	return &countedWriter{Writer: w, u: c.u, of: desc}, nil
}

type countedWriter struct {
	content.Writer
	u  *upload
	of ocispec.Descriptor
	at int64
}

func (c *countedWriter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.at += int64(n)
	c.u.at(c.of.Digest, c.at)
	return n, err
}

// Truncate begins anew, as the copy does when a connection breaks.
func (c *countedWriter) Truncate(size int64) error {
	c.at = size
	return c.Writer.Truncate(size)
}
