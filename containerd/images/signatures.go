package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gocompose/gocompose/containerd/registry"
)

// Signatures are what a registry has beside an image to tell who has signed it. None of it
// is known to be right.
type Signatures struct {
	// Classic are of cosign's own form: documents, and the annotations of each.
	Classic []Signed
	// Bundles are of sigstore's form, JSON.
	Bundles [][]byte
}

// Signed is a document, and what stands beside it.
type Signed struct {
	Payload     []byte
	Annotations map[string]string
}

// What cosign and sigstore call what they put into registries
// (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md and
// BUNDLE_SPEC.md there).
const (
	simpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	bundlePrefix  = "application/vnd.dev.sigstore.bundle."
	signatureTag  = ".sig"
)

// Bounds of what is fetched: others than the owner of an image may be able to put
// something beside it.
const (
	maxSignatures    = 64
	maxSignatureSize = 1 << 20
	maxManifestSize  = 4 << 20
)

// FetchSignatures asks the registry of an image for the signatures of a digest: of a
// manifest or an index. That it has none is no error. What it has is returned with the
// error that it could not give all.
func FetchSignatures(ctx context.Context, ref, of string, cfg registry.Config) (Signatures, error) {
	named, err := normalize(ref)
	if err != nil {
		return Signatures{}, err
	}
	d, err := digest.Parse(of)
	if err != nil {
		return Signatures{}, err
	}
	quiet := quietly(ctx)
	s := search{resolver: registry.Resolver(quiet, cfg), repo: reference.TrimNamed(named), left: maxSignatures}
	if err := errors.Join(s.classic(quiet, d), s.referrers(quiet, d)); err != nil {
		return s.found, explain(ctx, failure{image: named, registry: cfg, err: err})
	}
	return s.found, nil
}

// search is a look for the signatures of one digest.
type search struct {
	resolver remotes.Resolver
	repo     reference.Named
	left     int
	found    Signatures
}

// classic looks at the tag that cosign makes of the digest.
func (s *search) classic(ctx context.Context, d digest.Digest) error {
	tag, err := reference.WithTag(s.repo, strings.Replace(d.String(), ":", "-", 1)+signatureTag)
	if err != nil {
		return err
	}
	_, desc, err := s.resolver.Resolve(ctx, tag.String())
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	fetcher, err := s.resolver.Fetcher(ctx, tag.String())
	if err != nil {
		return err
	}
	return s.manifest(ctx, fetcher, desc)
}

// referrers looks at what says of itself that it is about the digest, where the registry
// knows, or else at the tag that stands for that.
func (s *search) referrers(ctx context.Context, d digest.Digest) error {
	name, err := reference.WithDigest(s.repo, d)
	if err != nil {
		return err
	}
	fetcher, err := s.resolver.Fetcher(ctx, name.String())
	if err != nil {
		return err
	}
	all, ok := fetcher.(remotes.ReferrersFetcher)
	if !ok {
		return nil
	}
	found, err := all.FetchReferrers(ctx, d)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, desc := range found {
		if !images.IsManifestType(desc.MediaType) || desc.ArtifactType != "" &&
			!strings.HasPrefix(desc.ArtifactType, bundlePrefix) && !strings.HasPrefix(desc.ArtifactType, "application/vnd.dev.cosign.") {
			continue
		}
		if err := s.manifest(ctx, fetcher, desc); err != nil {
			return err
		}
	}
	return nil
}

// manifest takes the signatures that a manifest lists.
func (s *search) manifest(ctx context.Context, fetcher remotes.Fetcher, desc ocispec.Descriptor) error {
	if s.left == 0 {
		return nil
	}
	data, err := fetchSmall(ctx, fetcher, desc, maxManifestSize)
	if err != nil {
		return err
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("the manifest of a signature, %s: %w", desc.Digest, err)
	}
	for _, l := range m.Layers {
		bundle := strings.HasPrefix(l.MediaType, bundlePrefix)
		if l.MediaType != simpleSigning && !bundle || s.left == 0 {
			continue
		}
		s.left--
		data, err := fetchSmall(ctx, fetcher, l, maxSignatureSize)
		switch {
		case err != nil:
			return err
		case bundle:
			s.found.Bundles = append(s.found.Bundles, data)
		default:
			s.found.Classic = append(s.found.Classic, Signed{data, l.Annotations})
		}
	}
	return nil
}

// fetchSmall fetches a blob whole and sees that it is the one.
func fetchSmall(ctx context.Context, fetcher remotes.Fetcher, desc ocispec.Descriptor, limit int64) ([]byte, error) {
	if desc.Size > limit {
		return nil, fmt.Errorf("%s has %d bytes, which is too much for a signature", desc.Digest, desc.Size)
	}
	body, err := fetcher.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, err
	}
	if got := digest.FromBytes(data); got != desc.Digest {
		return nil, newError(ErrDamaged, nil, "the registry sends something else for %s", desc.Digest)
	}
	return data, nil
}

// Remote is what a name stands for in its registry now.
type Remote struct {
	// Target is the digest of a manifest or of an index, Manifest that of the manifest for the
	// store's platform.
	Target, Manifest string
}

// Lookup asks the registry of an image for what it would be if it were pulled now.
func (s *Store) Lookup(ctx context.Context, ref string, cfg registry.Config) (Remote, error) {
	named, err := normalize(ref)
	if err != nil {
		return Remote{}, err
	}
	quiet := quietly(ctx)
	resolver := registry.Resolver(quiet, cfg)
	_, desc, err := resolver.Resolve(quiet, named.String())
	if err == nil {
		var r Remote
		if r, err = s.remote(quiet, resolver, named.String(), desc); err == nil {
			return r, nil
		}
	}
	return Remote{}, explain(ctx, failure{image: named, registry: cfg, err: err})
}

// remote finds the manifest for the store's platform below what was resolved.
func (s *Store) remote(ctx context.Context, resolver remotes.Resolver, name string, desc ocispec.Descriptor) (Remote, error) {
	r := Remote{Target: desc.Digest.String()}
	fetcher, err := resolver.Fetcher(ctx, name)
	for depth := 0; err == nil && images.IsIndexType(desc.MediaType); depth++ {
		if depth == maxIndexDepth {
			return r, errors.New("too many indices in each other")
		}
		var data []byte
		if data, err = fetchSmall(ctx, fetcher, desc, maxManifestSize); err != nil {
			break
		}
		var index ocispec.Index
		if err = json.Unmarshal(data, &index); err != nil {
			break
		}
		fit := s.choose(index.Manifests)
		if len(fit) == 0 {
			return r, noPlatform(s.foreign, index.Manifests)
		}
		desc = fit[0]
	}
	r.Manifest = desc.Digest.String()
	return r, err
}

// unfit has the error of a check be told as it is.
func unfit(err error) error {
	if err == nil {
		return nil
	}
	return newError(ErrUnfit, err, "%v", err)
}
