package images

import (
	"archive/tar"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/images/archive"
	"github.com/containerd/containerd/v2/pkg/archive/compression"
	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Load reads an archive of images, as "docker save" or an OCI tool writes it,
// plain or compressed with gzip or zstd, and unpacks the images in it. Names are
// normalised; an image without one is named by its ID.
func (s *Store) Load(ctx context.Context, r io.Reader) ([]Image, error) {
	loaded, err := s.load(quietly(ctx), r)
	switch {
	case err == nil:
		return loaded, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case noSpace(err):
		return nil, newError(ErrNoSpace, err, "no space left on the disk with containerd's root: make room there and try again")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, newError(ErrDamaged, err, "the archive ends too early: make it again, or copy it again")
	case errors.Is(err, tar.ErrHeader), errors.Is(err, io.EOF), strings.Contains(err.Error(), "unrecognized image format"):
		return nil, newError(ErrDamaged, err, `not an archive of images: "docker save" writes such archives`)
	case errdefs.IsNotFound(err):
		return nil, newError(ErrDamaged, err, "the archive lacks a part of the image: %v", err)
	case damaged(err):
		return nil, newError(ErrDamaged, err, "the image in the archive is damaged: %v", err)
	}
	return nil, err
}

func (s *Store) load(ctx context.Context, r io.Reader) (_ []Image, err error) {
	ctx, end, err := s.raw.WithLease(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := end(context.WithoutCancel(ctx)); err == nil {
			err = e
		}
	}()
	index, err := s.readArchive(ctx, r)
	if err != nil {
		return nil, err
	}
	fit := s.choose(index.Manifests)
	if len(fit) == 0 && len(index.Manifests) > 0 {
		return nil, noPlatform(s.foreign, index.Manifests)
	}
	if len(fit) == 0 {
		return nil, newError(ErrDamaged, nil, "there is no image in the archive")
	}
	var loaded []Image
	done := map[string]bool{}
	for _, target := range fit {
		name, err := archivedName(target)
		if err != nil {
			return nil, err
		}
		if name != "" && done[name] {
			continue // the same for a platform that fits less
		}
		done[name] = true
		img, err := s.loadOne(ctx, name, target)
		if err != nil {
			return nil, err
		}
		loaded = append(loaded, img)
	}
	return loaded, nil
}

func (s *Store) loadOne(ctx context.Context, name string, target ocispec.Descriptor) (Image, error) {
	target.Annotations = nil
	j := &job{Store: s, tracker: newTracker(nil, Downloading)}
	f, err := j.run(ctx, target)
	if err != nil {
		return Image{}, err
	}
	if name == "" {
		name = f.Config.String()
	}
	record, err := s.write(ctx, name, target, f)
	if err != nil {
		return Image{}, err
	}
	return s.image(ctx, record, f)
}

// readArchive puts the blobs of an archive into the content store and returns
// what it has.
func (s *Store) readArchive(ctx context.Context, r io.Reader) (index ocispec.Index, err error) {
	stream, err := compression.DecompressStream(r)
	if err != nil {
		return index, err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	store := s.raw.ContentStore()
	desc, err := archive.ImportIndex(ctx, ownIngests{store, rand.Text()}, stream)
	if err != nil {
		return index, err
	}
	// To the end, for whoever writes into the pipe.
	if _, err := io.Copy(io.Discard, stream); err != nil {
		return index, err
	}
	data, err := content.ReadBlob(ctx, store, desc)
	if err != nil {
		return index, err
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return index, newError(ErrDamaged, err, "the archive's index cannot be read: %v", err)
	}
	return index, nil
}

// archivedName returns the normalised name of an image in an archive, or "". A
// reference name that is only a tag says nothing about the repository.
func archivedName(desc ocispec.Descriptor) (string, error) {
	name := desc.Annotations[images.AnnotationImageName]
	if name == "" {
		name = desc.Annotations[ocispec.AnnotationRefName]
		if !strings.ContainsAny(name, "/:@") {
			return "", nil
		}
	}
	named, err := normalize(name)
	if err != nil {
		return "", fmt.Errorf("in the archive: %w", err)
	}
	return named.String(), nil
}

// ownIngests is a content store where unfinished blobs have names that nobody
// else uses. The importer names them by their file in the archive, and would go
// on with what an interrupted import of another archive left there.
type ownIngests struct {
	content.Store
	prefix string
}

func (o ownIngests) Writer(ctx context.Context, opts ...content.WriterOpt) (content.Writer, error) {
	return o.Store.Writer(ctx, append(opts, func(w *content.WriterOpts) error {
		w.Ref = o.prefix + "-" + w.Ref
		return nil
	})...)
}

func (o ownIngests) Abort(ctx context.Context, ref string) error {
	return o.Store.Abort(ctx, o.prefix+"-"+ref)
}
