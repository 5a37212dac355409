package images

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// normalize returns the whole name of an image, by Docker's rules: the registry
// docker.io, the folder library and the tag latest unless others are given, and
// no tag where there is a digest.
func normalize(ref string) (reference.Named, error) {
	named, err := reference.ParseDockerRef(ref)
	if err != nil {
		return nil, fmt.Errorf("invalid image name %q: %w", ref, err)
	}
	return named, nil
}

// isID tells whether a text may be an image's ID, or the beginning of one.
func isID(text string) bool {
	digits := strings.TrimPrefix(text, "sha256:")
	return len(digits) >= 4 && len(digits) <= 64 && strings.Trim(digits, "0123456789abcdef") == ""
}

// Get returns the image that ref names: by name, by name and digest, or by ID
// or its first digits. ErrNotFound if it is not on this host or not whole.
func (s *Store) Get(ctx context.Context, ref string) (Image, error) {
	ctx = quietly(ctx)
	if named, err := normalize(ref); err == nil {
		record, err := s.raw.ImageService().Get(ctx, named.String())
		if err == nil {
			return s.get(ctx, ref, record)
		}
		if !errdefs.IsNotFound(err) {
			return Image{}, fmt.Errorf("image %s: %w", ref, err)
		}
	}
	all, err := s.records(ctx)
	if err != nil {
		return Image{}, err
	}
	record, err := s.find(ctx, all, ref)
	if err != nil {
		return Image{}, err
	}
	return s.get(ctx, ref, record)
}

func (s *Store) get(ctx context.Context, ref string, record images.Image) (Image, error) {
	f, err := s.factsOf(ctx, record)
	if err != nil {
		return Image{}, notHere(ref, err)
	}
	img, err := s.image(ctx, record, f)
	if err != nil {
		return Image{}, notHere(ref, err)
	}
	return img, nil
}

// Digests maps those of refs that are on this host to the digests of their
// manifests for this platform.
func (s *Store) Digests(ctx context.Context, refs []string) (map[string]string, error) {
	found, err := s.Find(ctx, refs)
	digests := make(map[string]string, len(found))
	for ref, f := range found {
		digests[ref] = f.Digest
	}
	return digests, err
}

// Found is what is known without reading the image's configuration.
type Found struct {
	Digest string // of the manifest for this platform
	// At is when the registry was asked last; of an image that was loaded, when
	// that was.
	At time.Time
}

// Find maps those of refs that are on this host to what is known of them.
func (s *Store) Find(ctx context.Context, refs []string) (map[string]Found, error) {
	found := map[string]Found{}
	if len(refs) == 0 {
		return found, nil
	}
	ctx = quietly(ctx)
	all, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex // guards found
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, ref := range refs {
		group.Go(func() error {
			one, err := s.findOne(ctx, all, ref)
			switch {
			case missing(err):
				return nil
			case err != nil:
				return fmt.Errorf("image %s: %w", ref, err)
			}
			mu.Lock()
			defer mu.Unlock()
			found[ref] = one
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return found, nil
}

// atOnce is how many images are looked at side by side: what is not noted of one is read from
// several blobs.
const atOnce = 8

func (s *Store) findOne(ctx context.Context, all []images.Image, ref string) (Found, error) {
	record, err := s.find(ctx, all, ref)
	if err != nil {
		return Found{}, err
	}
	f, err := s.factsOf(ctx, record)
	if f.Pulled.IsZero() {
		f.Pulled = record.UpdatedAt
	}
	return Found{f.Manifest.String(), f.Pulled}, err
}

// List returns all images of this host that are whole, sorted by name, for this
// platform, and those for others that were pulled for them.
func (s *Store) List(ctx context.Context) ([]Image, error) {
	ctx = quietly(ctx)
	all, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	type wanted struct {
		*Store
		record images.Image
	}
	var wants []wanted
	for _, record := range all {
		wants = append(wants, wanted{s, record})
		for key := range record.Labels {
			if foreign, ok := strings.CutPrefix(key, factsLabel+"."); ok {
				wants = append(wants, wanted{s.For(foreign), record})
			}
		}
	}
	found := make([]Image, len(wants))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, w := range wants {
		group.Go(func() (err error) {
			found[i], err = w.get(ctx, w.record.Name, w.record)
			if missing(err) {
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(i Image) bool { return i.Ref == "" })
	slices.SortFunc(found, func(a, b Image) int {
		return cmp.Or(cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.Platform, b.Platform))
	})
	return found, nil
}

func (s *Store) records(ctx context.Context) ([]images.Image, error) {
	all, err := s.raw.ImageService().List(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	return all, nil
}

// find picks the record that ref means.
func (s *Store) find(ctx context.Context, all []images.Image, ref string) (images.Image, error) {
	named, err := normalize(ref)
	if err == nil {
		for _, r := range all {
			if r.Name == named.String() {
				return r, nil
			}
		}
		if d, ok := named.(reference.Digested); ok {
			return s.findDigest(ctx, all, named, d.Digest())
		}
	}
	if !isID(ref) {
		if err != nil {
			return images.Image{}, err
		}
		return images.Image{}, notHere(ref, errdefs.ErrNotFound)
	}
	same, err := s.findID(ctx, all, ref)
	if err != nil {
		return images.Image{}, err
	}
	return same[0], nil
}

// findDigest picks the tag of a repository that has the digest: of what the tag
// stands for, or of the manifest for this platform.
func (s *Store) findDigest(ctx context.Context, all []images.Image, named reference.Named, d digest.Digest) (images.Image, error) {
	for _, r := range all {
		other, err := reference.ParseNormalizedNamed(r.Name)
		if err != nil || other.Name() != named.Name() {
			continue
		}
		if r.Target.Digest == d {
			return r, nil
		}
		f, err := s.factsOf(ctx, r)
		if err == nil && f.Manifest == d {
			return r, nil
		}
		if err != nil && !missing(err) {
			return images.Image{}, err
		}
	}
	return images.Image{}, notHere(named.String(), errdefs.ErrNotFound)
}

// findID returns the records, at least one, of the one image whose ID begins
// with prefix.
func (s *Store) findID(ctx context.Context, all []images.Image, prefix string) ([]images.Image, error) {
	var found []images.Image
	ids := map[digest.Digest]bool{}
	want := "sha256:" + strings.TrimPrefix(prefix, "sha256:")
	for _, r := range all {
		f, err := s.factsOf(ctx, r)
		if missing(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(f.Config.String(), want) {
			found = append(found, r)
			ids[f.Config] = true
		}
	}
	switch len(ids) {
	case 0:
		return nil, notHere(prefix, errdefs.ErrNotFound)
	case 1:
		return found, nil
	}
	return nil, fmt.Errorf("image ID %s: %d images begin with it: give more digits", prefix, len(ids))
}
