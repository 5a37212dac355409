package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gocompose/gocompose/containerd/registry"
)

// Bounds of artifacts, which are read into memory: what is larger is not made of files
// that people write.
const (
	maxLayer  = maxManifest
	maxLayers = 1000
	maxTotal  = 64 << 20
)

// FetchArtifact returns the artifact of a type that a name stands for, or that an index of
// this name has; of one without a type its configuration has emptyConfig's. What is read is
// what its digests say.
func FetchArtifact(ctx context.Context, ref string, kind, emptyConfig string, cfg registry.Config) (Artifact, error) {
	named, err := normalize(ref)
	if err != nil {
		return Artifact{}, err
	}
	ctx = quietly(ctx)
	a, err := fetchArtifact(ctx, named, Artifact{Type: kind, EmptyConfig: emptyConfig}, cfg)
	var other *otherKind
	if errors.As(err, &other) {
		return a, fmt.Errorf("%s %w", named, err)
	}
	if err != nil {
		return a, explain(ctx, failure{image: named, artifact: true, registry: cfg, err: err})
	}
	return a, nil
}

// otherKind is something else than what is asked for.
type otherKind struct{ is string }

func (e *otherKind) Error() string { return "is " + e.is }

func fetchArtifact(ctx context.Context, named reference.Named, want Artifact, cfg registry.Config) (Artifact, error) {
	resolver := registry.Resolver(ctx, cfg)
	name, desc, err := resolver.Resolve(ctx, named.String())
	if err != nil {
		return want, err
	}
	fetcher, err := resolver.Fetcher(ctx, name)
	if err != nil {
		return want, err
	}
	manifest, err := artifactManifest(ctx, fetcher, desc, want)
	if err != nil {
		return want, err
	}
	want.Annotations = manifest.Annotations
	total := int64(0)
	for i, l := range manifest.Layers {
		if total += l.Size; l.Size > maxLayer || total > maxTotal || i == maxLayers {
			return want, &otherKind{fmt.Sprintf("too large for Compose files: more than %d files, %d bytes of one or %d of all", maxLayers, maxLayer, maxTotal)}
		}
		data, err := readBlob(ctx, fetcher, l)
		if err != nil {
			return want, err
		}
		want.Layers = append(want.Layers, Layer{l.MediaType, l.Annotations, data})
	}
	return want, nil
}

// artifactManifest returns the manifest of what is wanted: desc's, or of one in its index.
func artifactManifest(ctx context.Context, f remotes.Fetcher, desc ocispec.Descriptor, want Artifact) (m ocispec.Manifest, err error) {
	data, err := readBlob(ctx, f, desc)
	if err != nil {
		return m, err
	}
	if images.IsIndexType(desc.MediaType) {
		var index ocispec.Index
		if err := json.Unmarshal(data, &index); err != nil {
			return m, err
		}
		for _, d := range index.Manifests {
			if d.ArtifactType == want.Type && !images.IsIndexType(d.MediaType) {
				return artifactManifest(ctx, f, d, want)
			}
		}
		return m, &otherKind{"an image, and no artifact of type " + want.Type}
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, err
	}
	switch {
	case m.ArtifactType == want.Type, m.ArtifactType == "" && m.Config.MediaType == want.EmptyConfig:
		return m, nil
	case m.ArtifactType != "":
		return m, &otherKind{fmt.Sprintf("an artifact of type %s, and none of %s", m.ArtifactType, want.Type)}
	}
	return m, &otherKind{"an image, and no artifact of type " + want.Type}
}

// readBlob returns what a description says, whole.
func readBlob(ctx context.Context, f remotes.Fetcher, desc ocispec.Descriptor) ([]byte, error) {
	if err := desc.Digest.Validate(); err != nil {
		return nil, err
	}
	r, err := f.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err == nil && desc.Digest.Algorithm().FromBytes(data) != desc.Digest {
		err = fmt.Errorf("%s is not what its digest says: %w", desc.Digest, errdefs.ErrFailedPrecondition)
	}
	return data, err
}
