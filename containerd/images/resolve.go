package images

import (
	"context"

	"github.com/gocompose/gocompose/containerd/registry"
)

// Resolve asks the registry of an image for the digest that its name stands for: of a
// manifest, or of an index with those of several platforms. Nothing is fetched, and it
// does not matter what is on this host.
func Resolve(ctx context.Context, ref string, cfg registry.Config) (string, error) {
	named, err := normalize(ref)
	if err != nil {
		return "", err
	}
	_, desc, err := registry.Resolver(quietly(ctx), cfg).Resolve(quietly(ctx), named.String())
	if err != nil {
		return "", explain(ctx, failure{image: named, registry: cfg, err: err})
	}
	return desc.Digest.String(), nil
}
