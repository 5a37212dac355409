package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gocompose/gocompose/project"
)

// factsLabel is on the image records that this package writes: the record's
// facts, as JSON, which saves reading three blobs to know them.
const factsLabel = "io.gocompose.image"

// label is the label of the store's platform.
func (s *Store) label() string {
	if s.foreign == "" {
		return factsLabel
	}
	return factsLabel + "." + s.foreign
}

// facts is what is known of an image that is whole and unpacked. It holds for
// one target and one snapshotter: a record that another tool changed, and kept
// our label on, is seen by that.
type facts struct {
	Target      digest.Digest `json:"target"`
	Snapshotter string        `json:"snapshotter"`
	Manifest    digest.Digest `json:"manifest"`
	Config      digest.Digest `json:"config"`
	ConfigSize  int64         `json:"configSize"`
	Chain       string        `json:"chain,omitempty"`
	Platform    string        `json:"platform"`
	Size        int64         `json:"size"`
	// Pulled is when the registry was asked last; zero: never.
	Pulled time.Time `json:"pulled,omitzero"`
}

// config is the part of an image's configuration that matters here.
type config struct {
	ocispec.Platform
	Created *time.Time `json:"created"`
	Config  struct {
		ocispec.ImageConfig
		Healthcheck *project.Healthcheck
		Shell       []string
	} `json:"config"`
	RootFS ocispec.RootFS `json:"rootfs"`
}

// factsOf returns what is known of a record. Not found means that something of
// the image is missing on this host, or that it is not unpacked.
func (s *Store) factsOf(ctx context.Context, record images.Image) (facts, error) {
	var f facts
	if err := json.Unmarshal([]byte(record.Labels[s.label()]), &f); err == nil &&
		f.Target == record.Target.Digest && f.Snapshotter == s.snapshotter {
		return f, nil
	}
	return s.inspect(ctx, record.Target)
}

// inspect reads the facts of target. Not found is as with factsOf.
func (s *Store) inspect(ctx context.Context, target ocispec.Descriptor) (facts, error) {
	desc, manifest, err := s.manifest(ctx, target)
	if err != nil {
		return facts{}, err
	}
	c, err := s.config(ctx, manifest.Config)
	if err != nil {
		return facts{}, err
	}
	if err := s.madeFor(c); err != nil {
		return facts{}, err
	}
	f := facts{
		Target:      target.Digest,
		Snapshotter: s.snapshotter,
		Manifest:    desc.Digest,
		Config:      manifest.Config.Digest,
		ConfigSize:  manifest.Config.Size,
		Platform:    platforms.Format(platforms.Normalize(c.Platform)),
		Size:        desc.Size + manifest.Config.Size,
	}
	for _, l := range manifest.Layers {
		f.Size += l.Size
	}
	if len(c.RootFS.DiffIDs) == 0 {
		return f, nil
	}
	f.Chain = identity.ChainID(c.RootFS.DiffIDs).String()
	_, err = s.snapshots.Stat(ctx, f.Chain)
	return f, err
}

// maxIndexDepth bounds indices in indices. One inside another is what image
// archives have.
const maxIndexDepth = 4

// manifest finds the manifest for the store's platform below target.
func (s *Store) manifest(ctx context.Context, target ocispec.Descriptor) (ocispec.Descriptor, ocispec.Manifest, error) {
	return s.manifestBelow(ctx, target, maxIndexDepth)
}

func (s *Store) manifestBelow(ctx context.Context, target ocispec.Descriptor, depth int) (_ ocispec.Descriptor, m ocispec.Manifest, err error) {
	if depth == 0 {
		return target, m, errors.New("too many indices in each other")
	}
	data, err := content.ReadBlob(ctx, s.raw.ContentStore(), target)
	if err != nil {
		return target, m, err
	}
	if images.IsManifestType(target.MediaType) {
		if err := json.Unmarshal(data, &m); err != nil {
			return target, m, fmt.Errorf("manifest %s: %w", target.Digest, err)
		}
		if !images.IsConfigType(m.Config.MediaType) {
			return target, m, fmt.Errorf("manifest %s: %w: its configuration is of type %q", target.Digest, errNoContainerImage, m.Config.MediaType)
		}
		return target, m, nil
	}
	if !images.IsIndexType(target.MediaType) {
		return target, m, fmt.Errorf("%s: %w: it is of type %q", target.Digest, errNoContainerImage, target.MediaType)
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return target, m, fmt.Errorf("index %s: %w", target.Digest, err)
	}
	children := s.choose(index.Manifests)
	if len(children) == 0 {
		return target, m, noPlatform(s.foreign, index.Manifests)
	}
	return s.manifestBelow(ctx, children[0], depth-1)
}

// errNoContainerImage: the content is something else, such as a chart.
var errNoContainerImage = errors.New("not a container image")

// choose returns the manifests for the store's platform, the best first. One that does
// not say what it is for comes last.
func (s *Store) choose(manifests []ocispec.Descriptor) []ocispec.Descriptor {
	var fit []ocispec.Descriptor
	for _, d := range manifests {
		if d.Platform == nil || s.platform.Match(*d.Platform) {
			fit = append(fit, d)
		}
	}
	slices.SortStableFunc(fit, func(a, b ocispec.Descriptor) int {
		switch {
		case a.Platform == nil && b.Platform == nil:
			return 0
		case a.Platform == nil:
			return 1
		case b.Platform == nil:
			return -1
		case s.platform.Less(*a.Platform, *b.Platform):
			return -1
		case s.platform.Less(*b.Platform, *a.Platform):
			return 1
		}
		return 0
	})
	return fit
}

// madeFor returns an error when an image is for another platform. Not every index says
// what its manifests are for, and a manifest does not need one: the configuration
// decides.
func (s *Store) madeFor(c config) error {
	if s.platform.Match(platforms.Normalize(c.Platform)) {
		return nil
	}
	return noPlatform(s.foreign, []ocispec.Descriptor{{Platform: &c.Platform}})
}

// config reads a configuration, or remembers it.
func (s *Store) config(ctx context.Context, desc ocispec.Descriptor) (config, error) {
	id := desc.Digest.String()
	s.mu.Lock()
	c, ok := s.configs[id]
	s.mu.Unlock()
	if ok {
		return c, nil
	}
	data, err := content.ReadBlob(ctx, s.raw.ContentStore(), desc)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("image configuration %s: %w", id, err)
	}
	if c.Architecture == "" { // as Docker reads it
		c.Platform = platforms.DefaultSpec()
	}
	s.mu.Lock()
	s.configs[id] = c
	s.mu.Unlock()
	return c, nil
}

// image joins what is known of a record.
func (s *Store) image(ctx context.Context, record images.Image, f facts) (Image, error) {
	c, err := s.config(ctx, ocispec.Descriptor{Digest: f.Config, Size: f.ConfigSize})
	if err != nil {
		return Image{}, err
	}
	img := Image{
		Ref:         record.Name,
		Digest:      f.Manifest.String(),
		Target:      f.Target.String(),
		ID:          f.Config.String(),
		Config:      c.Config.ImageConfig,
		Healthcheck: c.Config.Healthcheck,
		Shell:       c.Config.Shell,
		Platform:    f.Platform,
		Size:        f.Size,
		UpdatedAt:   record.UpdatedAt,
		ChainID:     f.Chain,
	}
	if c.Created != nil {
		img.CreatedAt = *c.Created
	}
	return img, nil
}

// write makes or replaces the record of name. What was known of the same target for
// other platforms stays.
func (s *Store) write(ctx context.Context, name string, target ocispec.Descriptor, f facts) (images.Image, error) {
	label, err := json.Marshal(f)
	if err != nil {
		return images.Image{}, err
	}
	if err := s.locks.Lock(ctx, name); err != nil {
		return images.Image{}, err
	}
	defer s.locks.Unlock(name)
	record := images.Image{Name: name, Target: target, Labels: map[string]string{}}
	before, err := s.raw.ImageService().Get(ctx, name)
	if err == nil && before.Target.Digest == target.Digest {
		for key, value := range before.Labels {
			if strings.HasPrefix(key, factsLabel) {
				record.Labels[key] = value
			}
		}
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return images.Image{}, err
	}
	record.Labels[s.label()] = string(label)
	for {
		written, err := s.raw.ImageService().Update(ctx, record)
		if !errdefs.IsNotFound(err) {
			return written, err
		}
		written, err = s.raw.ImageService().Create(ctx, record)
		if !errdefs.IsAlreadyExists(err) {
			return written, err
		}
	}
}
