package images

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/core/diff"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/unpack"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// job brings one image into snapshots. Its content comes from fetch, or is in
// the content store already.
type job struct {
	*Store
	fetch images.HandlerFunc // may be nil
	*tracker
}

// run fetches and unpacks the image below target, layers while others are still
// under way, and returns its facts.
func (j *job) run(ctx context.Context, target ocispec.Descriptor) (facts, error) {
	parallel, err := j.canParallel(ctx)
	if err != nil {
		return facts{}, err
	}
	if err := j.dispatch(ctx, target, parallel); err != nil {
		return facts{}, err
	}
	f, err := j.inspect(ctx, target)
	if parallel && errdefs.IsNotFound(err) {
		// The parallel unpacker keeps to itself why it could not begin with a
		// layer. The other one tells.
		if err := j.dispatch(ctx, target, false); err != nil {
			return facts{}, err
		}
		f, err = j.inspect(ctx, target)
	}
	return f, err
}

func (j *job) dispatch(ctx context.Context, target ocispec.Descriptor, parallel bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := []unpack.UnpackerOpt{
		unpack.WithUnpackPlatform(j.unpackPlatform(parallel)),
		unpack.WithLimiter(j.downloads),
		unpack.WithDuplicationSuppressor(j.locks),
	}
	if parallel {
		options = append(options, unpack.WithUnpackLimiter(j.unpacks))
	}
	unpacker, err := unpack.NewUnpacker(ctx, j.raw.ContentStore(), options...)
	if err != nil {
		return err
	}
	err = images.Dispatch(ctx, unpacker.Unpack(j.handler()), nil, target)
	if err != nil {
		cancel() // for what the unpacker has begun
	}
	if _, unpackErr := unpacker.Wait(); err == nil {
		err = unpackErr
	}
	return err
}

func (j *job) unpackPlatform(parallel bool) unpack.Platform {
	p := unpack.Platform{
		Platform:       platforms.All, // the handler has chosen
		SnapshotterKey: j.snapshotter,
		Snapshotter:    watchedSnapshotter{j.snapshots, j.tracker},
		Applier:        watchedApplier{j.raw.DiffService(), j.tracker},
	}
	if parallel {
		p.SnapshotterCapabilities = []string{rebase}
	}
	return p
}

// handler fetches a blob and returns what it refers to: of an index only the
// manifest for this platform.
func (j *job) handler() images.Handler {
	store := j.raw.ContentStore()
	children := images.SetChildrenLabels(store, images.ChildrenHandler(store))
	next := images.HandlerFunc(func(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		switch {
		case images.IsIndexType(desc.MediaType):
			all, err := children(ctx, desc)
			if err != nil {
				return nil, err
			}
			fit := j.choose(all)
			if len(fit) == 0 {
				return nil, noPlatform(j.foreign, all)
			}
			return fit[:1], nil
		case images.IsManifestType(desc.MediaType):
			return j.manifestParts(ctx, children, desc)
		case images.IsConfigType(desc.MediaType), images.IsLayerType(desc.MediaType):
			return nil, nil
		}
		return nil, fmt.Errorf("%s: %w: it is of type %q", desc.Digest, errNoContainerImage, desc.MediaType)
	})
	if j.fetch == nil {
		return next
	}
	return images.Handlers(j.fetch, next)
}

// manifestParts returns a manifest's configuration and layers. The
// configuration is fetched here, to see early whether the image can run.
func (j *job) manifestParts(ctx context.Context, children images.HandlerFunc, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	parts, err := children(ctx, desc)
	if err != nil {
		return nil, err
	}
	_, m, err := j.manifest(ctx, desc)
	if err != nil {
		return nil, err
	}
	if j.fetch != nil {
		if _, err := j.fetch(ctx, m.Config); err != nil {
			return nil, err
		}
	}
	c, err := j.config(ctx, m.Config)
	if err != nil {
		return nil, err
	}
	if err := j.madeFor(c); err != nil {
		return nil, err
	}
	if len(c.RootFS.DiffIDs) != len(m.Layers) {
		return nil, fmt.Errorf("%w: the manifest has %d layers, the configuration %d", errContradiction, len(m.Layers), len(c.RootFS.DiffIDs))
	}
	j.expect(m.Layers)
	for i, chain := range identity.ChainIDs(slices.Clone(c.RootFS.DiffIDs)) {
		j.chain(chain.String(), m.Layers[i].Digest)
	}
	return parts, nil
}

// errContradiction: the parts of an image do not fit together.
var errContradiction = errors.New("the image contradicts itself")

// rebase is what snapshotters can that unpack layers before the ones below.
const rebase = "rebase"

// canParallel tells whether layers may be unpacked out of order: when the
// snapshotter can, and since containerd 2.3, which keeps deletions in layers
// unpacked so (https://github.com/containerd/containerd/issues/13030).
func (s *Store) canParallel(ctx context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.capabilities != nil {
		return s.parallel, nil
	}
	capabilities, err := s.raw.GetSnapshotterCapabilities(ctx, s.snapshotter)
	if err != nil {
		return false, fmt.Errorf("asking containerd for its snapshotter %s: %w", s.snapshotter, err)
	}
	version, err := s.raw.Version(ctx)
	if err != nil {
		return false, fmt.Errorf("asking containerd for its version: %w", err)
	}
	s.capabilities = append([]string{}, capabilities...)
	s.parallel = slices.Contains(capabilities, rebase) && atLeast(version.Version, 2, 3)
	return s.parallel, nil
}

// atLeast compares a version such as v2.3.7 or 1.6.20~ds1. One that cannot be
// read is older.
func atLeast(version string, major, minor int) bool {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return false
	}
	a, errA := strconv.Atoi(parts[0])
	b, errB := strconv.Atoi(parts[1])
	if errA != nil || errB != nil {
		return false
	}
	return a > major || a == major && b >= minor
}

// watchedSnapshotter tells the tracker of layers that were unpacked before.
type watchedSnapshotter struct {
	snapshots.Snapshotter
	t *tracker
}

func (w watchedSnapshotter) Stat(ctx context.Context, key string) (snapshots.Info, error) {
	info, err := w.Snapshotter.Stat(ctx, key)
	if err == nil {
		w.t.chainExists(key)
	}
	return info, err
}

// watchedApplier tells the tracker of layers that are being unpacked.
type watchedApplier struct {
	diff.Applier
	t *tracker
}

func (w watchedApplier) Apply(ctx context.Context, desc ocispec.Descriptor, mounts []mount.Mount, opts ...diff.ApplyOpt) (ocispec.Descriptor, error) {
	w.t.status(desc.Digest, Extracting)
	d, err := w.Applier.Apply(ctx, desc, mounts, opts...)
	if err == nil {
		w.t.status(desc.Digest, Done)
	}
	return d, err
}
