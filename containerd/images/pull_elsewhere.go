package images

import (
	"context"
	"errors"

	"github.com/distribution/reference"
)

// pullElsewhere tries the repositories that may have an image too, when its own registry
// has not given it because of why, which it returns when they do not either. What an
// image by its digest is does not depend on who has it.
func (s *Store) pullElsewhere(ctx context.Context, named reference.Named, o PullOptions, why error) (Image, error) {
	digested, ok := named.(reference.Digested)
	if !ok || !withheld(why) {
		return Image{}, why
	}
	for _, repository := range o.Also {
		repo, err := reference.ParseNormalizedNamed(repository)
		if err != nil {
			return Image{}, err
		}
		from, err := reference.WithDigest(reference.TrimNamed(repo), digested.Digest())
		if err != nil {
			return Image{}, err
		}
		img, err := s.pull(quietly(ctx), named, from, o)
		if err == nil {
			return img, nil
		}
		if ctx.Err() != nil {
			return Image{}, context.Cause(ctx)
		}
		if err = explain(ctx, failure{image: from, registry: o.Registry, err: err}); !withheld(err) {
			return Image{}, err
		}
	}
	return Image{}, why
}

// withheld tells whether a registry has not given an image, and another may.
func withheld(err error) bool {
	for _, class := range []error{ErrNotInRegistry, ErrUnauthorized, ErrRateLimited, ErrUnreachable, ErrUntrusted} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}
