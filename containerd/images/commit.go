package images

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/diff"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/rootfs"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gocompose/gocompose/project"
)

// Commit is an image to be made from a container.
type Commit struct {
	// Container is its ID, which is that of its snapshot too, and Digest that of the
	// manifest of the image that it was made from.
	Container, Digest string
	// Spec is what was asked for beside the image: the new one has it.
	Spec project.Container
	// Changes are instructions as in a Dockerfile, that are carried out after.
	Changes []string
	// Name of the new image; empty: its ID.
	Name            string
	Author, Message string
	Created         time.Time
}

// Commit makes an image of what a container has changed, on top of the image that
// it was made from. The content is kept by the lease of ctx until it is whole.
func (s *Store) Commit(ctx context.Context, c Commit) (Image, error) {
	ctx = quietly(ctx)
	name := ""
	if c.Name != "" {
		named, err := normalize(c.Name)
		if err != nil {
			return Image{}, err
		}
		name = named.String()
	}
	change, err := parseChanges(c.Changes)
	if err != nil {
		return Image{}, err
	}
	base, config, err := s.committed(ctx, c)
	if err != nil {
		return Image{}, err
	}
	layer, diffID, err := s.changedFiles(ctx, c.Container)
	if err != nil {
		return Image{}, err
	}
	if err := config.extend(c, diffID, change); err != nil {
		return Image{}, err
	}
	target, err := s.writeManifest(ctx, base, config, layer)
	if err != nil {
		return Image{}, err
	}
	return s.loadOne(ctx, name, target)
}

// committed reads the image that the container was made from.
func (s *Store) committed(ctx context.Context, c Commit) (ocispec.Manifest, document, error) {
	gone := func(err error) error {
		if errdefs.IsNotFound(err) {
			return fmt.Errorf("the image %s that the container was made from was removed, or replaced: pull or load it again, and have `gocompose up` make the container anew", c.Spec.Image)
		}
		return err
	}
	var m ocispec.Manifest
	at := digest.Digest(c.Digest)
	info, err := s.raw.ContentStore().Info(ctx, at)
	if err != nil {
		return m, document{}, gone(err)
	}
	data, err := content.ReadBlob(ctx, s.raw.ContentStore(), ocispec.Descriptor{Digest: at, Size: info.Size})
	if err != nil {
		return m, document{}, gone(err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, document{}, fmt.Errorf("manifest %s: %w", at, err)
	}
	config, err := content.ReadBlob(ctx, s.raw.ContentStore(), m.Config)
	if err != nil {
		return m, document{}, gone(err)
	}
	d, err := readDocument(config)
	return m, d, err
}

// changedFiles makes a layer of what the container has written.
func (s *Store) changedFiles(ctx context.Context, id string) (layer ocispec.Descriptor, diffID digest.Digest, err error) {
	layer, err = rootfs.CreateDiff(ctx, id, s.snapshots, s.raw.DiffService(), diff.WithMediaType(ocispec.MediaTypeImageLayerGzip))
	if err != nil {
		return layer, "", fmt.Errorf("finding what it has changed: %w", err)
	}
	diffID, err = images.GetDiffID(ctx, s.raw.ContentStore(), layer)
	return layer, diffID, err
}

// writeManifest writes the configuration and the manifest, of the kind that the
// base has.
func (s *Store) writeManifest(ctx context.Context, m ocispec.Manifest, config document, layer ocispec.Descriptor) (ocispec.Descriptor, error) {
	if m.MediaType == "" {
		m.MediaType = ocispec.MediaTypeImageManifest
	}
	if m.MediaType == images.MediaTypeDockerSchema2Manifest {
		layer.MediaType = images.MediaTypeDockerSchema2LayerGzip
	}
	layer.Annotations = nil
	m.Versioned, m.Annotations, m.Subject = specs.Versioned{SchemaVersion: 2}, nil, nil
	m.Layers = append(m.Layers, layer)
	var err error
	if m.Config, err = s.writeJSON(ctx, m.Config.MediaType, config.all); err != nil {
		return ocispec.Descriptor{}, err
	}
	return s.writeJSON(ctx, m.MediaType, m)
}

func (s *Store) writeJSON(ctx context.Context, mediaType string, v any) (ocispec.Descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	err = content.WriteBlob(ctx, s.raw.ContentStore(), "commit-"+desc.Digest.String(), bytes.NewReader(data), desc)
	if errors.Is(err, errdefs.ErrAlreadyExists) {
		err = nil
	}
	return desc, err
}
