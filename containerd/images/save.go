package images

import (
	"context"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/images/archive"
	"github.com/distribution/reference"
)

// Save writes the images that refs name, as with Get, into an archive that Load, "docker
// load" and OCI tools read. Of an image for several platforms what is on this host is
// written. An image that is named by its ID has no name in the archive.
func (s *Store) Save(ctx context.Context, w io.Writer, refs []string) error {
	ctx = quietly(ctx)
	all, err := s.records(ctx)
	if err != nil {
		return err
	}
	opts := []archive.ExportOpt{
		archive.WithPlatform(s.platform), archive.WithAllPlatforms(), archive.WithSkipMissing(s.raw.ContentStore()),
	}
	for _, ref := range refs {
		record, err := s.find(ctx, all, ref)
		if err != nil {
			return err
		}
		if _, err := s.factsOf(ctx, record); err != nil {
			return notHere(ref, err) // before anything is written
		}
		opts = append(opts, saved(ref, record))
	}
	if err := archive.Export(ctx, s.raw.ContentStore(), w, opts...); err != nil {
		return fmt.Errorf("saving images: %w", err)
	}
	return nil
}

func saved(ref string, record images.Image) archive.ExportOpt {
	if named, err := normalize(ref); err == nil && named.String() == record.Name {
		return archive.WithManifest(record.Target, record.Name)
	}
	return archive.WithManifest(record.Target)
}

func digested(named reference.Named) bool {
	_, ok := named.(reference.Digested)
	return ok
}
