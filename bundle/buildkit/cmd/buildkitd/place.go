package main

import (
	"context"
	"errors"

	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/labels"
	"github.com/containerd/containerd/v2/pkg/rootfs"
	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/buildkit/cache"
	"github.com/moby/buildkit/identity"
	"github.com/moby/buildkit/snapshot"
	"github.com/opencontainers/go-digest"
	ocidentity "github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// place makes the snapshot that an image's containers are made from, and returns its name.
// Where the build has its result in a snapshot already, which it mostly has, it is put on top
// of that, with nothing in it; what was merged of others and never mounted is unpacked.
func (e *imageExporter) place(ctx context.Context, ref cache.ImmutableRef, descs []ocispec.Descriptor) (name string, err error) {
	var layers []rootfs.Layer
	var chain []digest.Digest
	for _, d := range descs {
		diff := digest.Digest(d.Annotations[labels.LabelUncompressed])
		layers = append(layers, rootfs.Layer{Diff: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: diff}, Blob: d})
		chain = append(chain, diff)
	}
	if len(chain) == 0 {
		return "", nil
	}
	name = ocidentity.ChainID(chain).String()
	lease, _ := leases.FromContext(ctx) // Export has seen to it
	resource := leases.Resource{ID: name, Type: "snapshots/" + e.of.Snapshotter.Name()}
	if err := e.of.LeaseManager().AddResource(ctx, leases.Lease{ID: lease}, resource); err != nil {
		return "", err
	}
	if _, err := e.of.Snapshotter.Stat(ctx, name); !cerrdefs.IsNotFound(err) {
		return name, err
	}
	if err := ref.Finalize(ctx); err != nil {
		return "", err
	}
	built := snapshotOf(ref)
	switch i, err := e.of.Snapshotter.Stat(ctx, built); {
	case cerrdefs.IsNotFound(err):
		return name, e.unpack(ctx, layers)
	case err != nil:
		return "", err
	case i.Kind != snapshots.KindCommitted:
		return name, e.unpack(ctx, layers)
	}
	return name, e.onTop(ctx, name, built)
}

// snapshotOf is the name of the snapshot that a result of a build is in.
func snapshotOf(ref cache.ImmutableRef) string {
	if name := ref.GetString("cache.snapshot"); name != "" {
		return name
	}
	return ref.ID()
}

func (e *imageExporter) unpack(ctx context.Context, layers []rootfs.Layer) (err error) {
	sn, release := snapshot.NewContainerdSnapshotter(e.of.Snapshotter)
	defer func() { err = errors.Join(err, release()) }()
	_, err = rootfs.ApplyLayers(ctx, layers, sn, e.of.Applier)
	return err
}

// onTop makes a snapshot with the content of another. If another build of the same was faster,
// its snapshot is as good, and ours goes with the lease.
func (e *imageExporter) onTop(ctx context.Context, name, of string) error {
	key := identity.NewID()
	if err := e.of.Snapshotter.Prepare(ctx, key, of); err != nil {
		return err
	}
	if err := e.of.Snapshotter.Commit(ctx, name, key); !cerrdefs.IsAlreadyExists(err) {
		return err
	}
	return nil
}
