package images

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/remotes"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gocompose/gocompose/containerd/registry"
)

// PullOptions change how an image is pulled. The zero value is good.
type PullOptions struct {
	// Progress, if not nil, is called from any goroutine, one call at a time.
	Progress func(Progress)
	// Registry says how registries are reached; its zero value: as the
	// environment says.
	Registry registry.Config
	// Also are repositories that may have an image which is named by its digest, for when
	// its own registry does not give it.
	Also []string
	// Check, if not nil, is asked before anything of the image is fetched, or used that is
	// here; its error is the pull's.
	Check func(context.Context, Remote) error
}

// Pull brings the image that ref names from its registry to this host and
// unpacks it. What is here already is not fetched again. A name with a digest
// whose image is here does not need the registry.
//
// It keeps what it fetches with the lease in ctx, or with one of its own. While
// that lasts, a pull that was interrupted goes on where it ended.
func (s *Store) Pull(ctx context.Context, ref string, o PullOptions) (Image, error) {
	named, err := normalize(ref)
	if err != nil {
		return Image{}, err
	}
	img, err := s.pull(quietly(ctx), named, named, o)
	if err != nil {
		err = explain(ctx, failure{image: named, registry: o.Registry, err: err})
		return s.pullElsewhere(ctx, named, o, err)
	}
	return img, nil
}

// pull brings an image from where it is called from, by the same digest if it has one.
func (s *Store) pull(ctx context.Context, named, from reference.Named, o PullOptions) (_ Image, err error) {
	name := named.String()
	if d, ok := named.(reference.Digested); ok {
		img, ok, err := s.whole(ctx, name, ocispec.Descriptor{Digest: d.Digest()})
		if ok && err == nil && o.Check != nil {
			err = unfit(o.Check(ctx, Remote{img.Target, img.Digest}))
		}
		if ok || err != nil {
			return img, err
		}
	}
	resolver := registry.Resolver(ctx, o.Registry)
	_, target, err := resolver.Resolve(ctx, from.String())
	if err != nil {
		return Image{}, err
	}
	if o.Check != nil {
		r, err := s.remote(ctx, resolver, from.String(), target)
		if err == nil {
			err = unfit(o.Check(ctx, r))
		}
		if err != nil {
			return Image{}, err
		}
	}
	if img, ok, err := s.whole(ctx, name, target); ok || err != nil {
		if err == nil {
			err = s.asked(ctx, name)
		}
		return img, err
	}
	fetcher, err := resolver.Fetcher(ctx, from.String())
	if err != nil {
		return Image{}, err
	}
	ctx, end, err := s.raw.WithLease(ctx)
	if err != nil {
		return Image{}, err
	}
	defer func() {
		if e := end(context.WithoutCancel(ctx)); err == nil {
			err = e
		}
	}()
	t := newTracker(o.Progress, Downloading)
	j := &job{Store: s, tracker: t, fetch: (&download{s.raw.ContentStore(), fetcher, t}).handle}
	f, err := j.run(ctx, target)
	if err != nil {
		return Image{}, err
	}
	f.Pulled = time.Now()
	record, err := s.write(ctx, name, target, f)
	if err != nil {
		return Image{}, err
	}
	return s.image(ctx, record, f)
}

// asked notes that the registry was asked for an image, and has what is here.
func (s *Store) asked(ctx context.Context, name string) error {
	record, err := s.raw.ImageService().Get(ctx, name)
	if err != nil {
		return err
	}
	f, err := s.factsOf(ctx, record)
	if err != nil {
		return err
	}
	f.Pulled = time.Now()
	_, err = s.write(ctx, name, record.Target, f)
	return err
}

// whole returns the image of that name if it stands for target and is here with
// all its files.
func (s *Store) whole(ctx context.Context, name string, target ocispec.Descriptor) (Image, bool, error) {
	record, err := s.raw.ImageService().Get(ctx, name)
	if err == nil && record.Target.Digest != target.Digest {
		return Image{}, false, nil
	}
	var f facts
	if err == nil {
		f, err = s.factsOf(ctx, record)
	}
	if err == nil && f.Chain != "" {
		_, err = s.snapshots.Stat(ctx, f.Chain)
	}
	var img Image
	if err == nil {
		img, err = s.image(ctx, record, f)
	}
	if missing(err) {
		return Image{}, false, nil
	}
	return img, err == nil, err
}

// download fetches blobs into the content store.
type download struct {
	store   content.Store
	fetcher remotes.Fetcher
	t       *tracker
}

// maxAttempts is how often a blob is asked for while its connection breaks and
// yet brings some of it.
const maxAttempts = 5

// errLacks: the registry names a blob that it does not have.
var errLacks = errors.New("the registry lacks a part of the image")

func (d *download) handle(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	fresh := false  // whether the blob was begun anew
	var broke error // how the last connection ended early
	stalls := 0     // how often one stood still, which takes as long as it may
	for attempt := 1; ; attempt++ {
		var got atomic.Int64
		err := remotes.Fetch(ctx, d.store, counted{d.fetcher, d.t, &got}, desc)
		switch {
		case err == nil || errdefs.IsAlreadyExists(err):
			d.t.status(desc.Digest, Downloaded)
			return nil, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errdefs.IsNotFound(err):
			return nil, fmt.Errorf("%w: %s", errLacks, desc.Digest)
		case useless(err):
			// What an earlier attempt left cannot be gone on with.
			if e := d.drop(ctx, remotes.MakeRefKey(ctx, desc)); e != nil {
				return nil, errors.Join(err, e)
			}
			if fresh || got.Load() >= desc.Size {
				return nil, cmp.Or(broke, err)
			}
			fresh = true
		case !broken(err) || got.Load() == 0 || attempt >= maxAttempts || stalled(err) && stalls > 0:
			return nil, err
		default:
			if broke = err; stalled(err) {
				stalls++
			}
			select {
			case <-time.After(time.Duration(attempt) * 200 * time.Millisecond):
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
	}
}

// drop forgets an unfinished blob. containerd may still be closing it, and then
// cannot remove its folder at once.
func (d *download) drop(ctx context.Context, ref string) error {
	for try := 1; ; try++ {
		err := d.store.Abort(ctx, ref)
		if err == nil || errdefs.IsNotFound(err) {
			return nil
		}
		if try == 20 {
			return fmt.Errorf("dropping %s: %w", ref, err)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// useless tells whether the bytes of a blob that came so far are wrong, or the
// registry cannot send the rest alone.
func useless(err error) bool {
	var status remoteerrors.ErrUnexpectedStatus
	return damaged(err) || errors.As(err, &status) && status.StatusCode == http.StatusRequestedRangeNotSatisfiable
}

// counted is a fetcher whose bytes are counted.
type counted struct {
	remotes.Fetcher
	t   *tracker
	got *atomic.Int64
}

func (c counted) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	rc, err := c.Fetcher.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	r := &countedReader{ReadCloser: rc, progress: func(n int, at int64) {
		c.got.Add(int64(n))
		c.t.at(desc.Digest, at)
	}}
	if s, ok := rc.(io.Seeker); ok {
		return &countedSeeker{r, s}, nil
	}
	return r, nil
}

type countedReader struct {
	io.ReadCloser
	at       int64
	progress func(n int, at int64)
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if n > 0 {
		r.at += int64(n)
		r.progress(n, r.at)
	}
	return n, err
}

type countedSeeker struct {
	*countedReader
	s io.Seeker
}

func (r *countedSeeker) Seek(offset int64, whence int) (int64, error) {
	at, err := r.s.Seek(offset, whence)
	if err == nil {
		r.at = at
	}
	return at, err
}
