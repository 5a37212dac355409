package images

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Details are all that is known of an image.
type Details struct {
	Image
	// Names are all that the image has on this host, with what each stands for; of one
	// without a name there is none.
	Names []Name
	// Author, History and Layers are as in the image's configuration: Layers are the
	// digests of the layers when they are unpacked.
	Author  string
	Variant string
	History []ocispec.History
	Layers  []string
	OnBuild []string
	// Sizes are those of the layers in bytes: unpacked, or packed where several of them were
	// built as one.
	Sizes []int64
	// Descriptor is of the manifest for the platform.
	Descriptor ocispec.Descriptor
}

// Name is one of the names of an image.
type Name struct {
	Ref    string // as in Image
	Target string // digest of what it stands for: the manifest, or an index
}

// Details returns what there is to know of the image that ref names, as with Get.
func (s *Store) Details(ctx context.Context, ref string) (Details, error) {
	img, err := s.Get(ctx, ref)
	if err != nil {
		return Details{}, err
	}
	ctx = quietly(ctx)
	d := Details{Image: img}
	full, err := s.fullConfig(ctx, digest.Digest(img.ID))
	if err != nil {
		return Details{}, notHere(ref, err)
	}
	d.Author, d.Variant, d.History, d.OnBuild = full.Author, full.Variant, full.History, full.Config.OnBuild
	for _, id := range full.RootFS.DiffIDs {
		d.Layers = append(d.Layers, id.String())
	}
	info, err := s.raw.ContentStore().Info(ctx, digest.Digest(img.Digest))
	if err != nil {
		return Details{}, notHere(ref, err)
	}
	d.Descriptor = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: info.Digest, Size: info.Size}
	if media, err := s.mediaType(ctx, d.Descriptor); err == nil && media != "" {
		d.Descriptor.MediaType = media
	}
	if d.Sizes, err = s.layerSizes(ctx, d.Descriptor, identity.ChainIDs(slices.Clone(full.RootFS.DiffIDs))); err != nil {
		return Details{}, fmt.Errorf("image %s: %w", ref, err)
	}
	d.Names, err = s.names(ctx, img.ID)
	return d, err
}

// fullConfig is what config is a part of.
type fullConfig struct {
	ocispec.Image
	Config struct{ OnBuild []string } `json:"config"`
}

func (s *Store) fullConfig(ctx context.Context, id digest.Digest) (c fullConfig, err error) {
	info, err := s.raw.ContentStore().Info(ctx, id)
	if err != nil {
		return c, err
	}
	data, err := content.ReadBlob(ctx, s.raw.ContentStore(), ocispec.Descriptor{Digest: id, Size: info.Size})
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(data, &c)
}

// mediaType is what a manifest says of itself.
func (s *Store) mediaType(ctx context.Context, desc ocispec.Descriptor) (string, error) {
	var m struct{ MediaType string }
	data, err := content.ReadBlob(ctx, s.raw.ContentStore(), desc)
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	return m.MediaType, err
}

// names returns the names of the image with that ID, sorted.
func (s *Store) names(ctx context.Context, id string) ([]Name, error) {
	list, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	var names []Name
	for _, i := range list {
		if i.ID == id && !i.Dangling() {
			names = append(names, Name{i.Ref, i.Target})
		}
	}
	return slices.Compact(names), nil
}

// Dangling tells whether the image has no name.
func (i Image) Dangling() bool { return idPattern.MatchString(i.Ref) }

// Tag gives the image that ref names, as with Get, one more name, which does not stand for
// another one any more.
func (s *Store) Tag(ctx context.Context, ref, name string) error {
	named, err := normalize(name)
	if err != nil {
		return err
	}
	if digested(named) {
		return fmt.Errorf("invalid image name %q: a digest is nothing to choose: name a tag", name)
	}
	ctx = quietly(ctx)
	all, err := s.records(ctx)
	if err != nil {
		return err
	}
	record, err := s.find(ctx, all, ref)
	if err != nil {
		return err
	}
	f, err := s.factsOf(ctx, record)
	if err != nil {
		return notHere(ref, err)
	}
	f.Pulled = time.Time{}
	if _, err := s.write(ctx, named.String(), record.Target, f); err != nil {
		return fmt.Errorf("naming image %s %s: %w", ref, name, err)
	}
	return nil
}
