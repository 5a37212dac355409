package images

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/remotes"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gocompose/gocompose/containerd/registry"
)

// Artifact is something in a registry that is no image: files, in order.
type Artifact struct {
	// Type is the media type of the whole, EmptyConfig that of its configuration for
	// registries of before OCI 1.1, which have no types of artifacts.
	Type, EmptyConfig string
	Layers            []Layer
	Annotations       map[string]string
}

// Layer is a file of an artifact.
type Layer struct {
	MediaType   string
	Annotations map[string]string
	Content     []byte
}

// OCIVersion is how an artifact is described.
type OCIVersion string

const (
	OCIAny OCIVersion = ""    // as the registry can
	OCI10  OCIVersion = "1.0" // as an image with a configuration of another type
	OCI11  OCIVersion = "1.1" // with a type of its own
)

// PushArtifact sends an artifact to the registry of a name, and returns the description it
// has there.
func PushArtifact(ctx context.Context, ref string, a Artifact, version OCIVersion, cfg registry.Config) (ocispec.Descriptor, error) {
	named, err := normalize(ref)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	try := version
	if version == OCIAny {
		try = OCI11
	}
	found, err := a.push(quietly(ctx), named.String(), try, cfg)
	if version == OCIAny && refuses(err) {
		found, err = a.push(quietly(ctx), named.String(), OCI10, cfg)
	}
	if err != nil {
		return found, explain(ctx, failure{image: named, registry: cfg, err: err})
	}
	return found, nil
}

// refuses tells whether a registry does not take what it was sent as it was.
func refuses(err error) bool {
	var status remoteerrors.ErrUnexpectedStatus
	return errors.As(err, &status) && status.StatusCode >= 400 && status.StatusCode < 500 &&
		status.StatusCode != http.StatusUnauthorized && status.StatusCode != http.StatusForbidden && status.StatusCode != http.StatusTooManyRequests
}

func (a Artifact) push(ctx context.Context, name string, version OCIVersion, cfg registry.Config) (desc ocispec.Descriptor, err error) {
	pusher, err := registry.Resolver(ctx, cfg).Pusher(ctx, name)
	if err != nil {
		return desc, err
	}
	manifest := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: a.Type, Config: ocispec.DescriptorEmptyJSON, Annotations: a.Annotations,
	}
	if version == OCI10 {
		manifest.ArtifactType, manifest.Config.MediaType, manifest.Config.Data = "", a.EmptyConfig, nil
	}
	if err := pushBlob(ctx, pusher, manifest.Config, []byte("{}")); err != nil {
		return desc, err
	}
	for _, l := range a.Layers {
		layer := describe(l.MediaType, l.Content)
		if err := pushBlob(ctx, pusher, layer, l.Content); err != nil {
			return desc, err
		}
		layer.Annotations = l.Annotations
		manifest.Layers = append(manifest.Layers, layer)
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		return desc, err
	}
	desc = describe(manifest.MediaType, data)
	desc.ArtifactType = manifest.ArtifactType
	return desc, pushBlob(ctx, pusher, desc, data)
}

func describe(mediaType string, data []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
}

// pushBlob sends what the registry has not.
func pushBlob(ctx context.Context, pusher remotes.Pusher, desc ocispec.Descriptor, data []byte) error {
	w, err := pusher.Push(ctx, desc)
	if errdefs.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return err
	}
	err = content.Copy(ctx, w, bytes.NewReader(data), desc.Size, desc.Digest)
	return errors.Join(err, w.Close())
}
