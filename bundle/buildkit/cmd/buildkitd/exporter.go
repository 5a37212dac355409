package main

import (
	"context"
	"errors"

	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/labels"
	cerrdefs "github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/cache"
	cacheconfig "github.com/moby/buildkit/cache/config"
	"github.com/moby/buildkit/exporter"
	"github.com/moby/buildkit/exporter/containerimage"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/identity"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/snapshot"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/opencontainers/go-digest"
	ocidentity "github.com/opencontainers/image-spec/identity"
)

// imageExporter puts images into containerd's store as BuildKit's own exporter does,
// except that layers which a build has just made are not unpacked again from what
// they were packed into: the snapshot that containers are made from is put on top of
// the build's own, with nothing in it.
type imageExporter struct {
	exporter.Exporter

	snapshotter snapshot.Snapshotter
	leases      *leaseutil.Manager
}

func (e *imageExporter) Resolve(ctx context.Context, id int, attrs map[string]string) (exporter.ExporterInstance, error) {
	of, err := e.Exporter.Resolve(ctx, id, attrs)
	if err != nil {
		return nil, err
	}
	var opts containerimage.ImageCommitOpts
	if _, err := opts.Load(ctx, attrs); err != nil {
		return nil, err
	}
	return &imageExport{ExporterInstance: of, exporter: e, refs: opts.RefCfg}, nil
}

type imageExport struct {
	exporter.ExporterInstance

	exporter *imageExporter
	refs     cacheconfig.RefConfig
}

func (e *imageExport) Export(ctx context.Context, source *exporter.Source, info exporter.ExportBuildInfo) (_ map[string]string, _ exporter.FinalizeFunc, _ exporter.DescriptorReference, err error) {
	ctx, done, err := leaseutil.WithLease(ctx, e.exporter.leases, leaseutil.MakeTemporary)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() { err = errors.Join(err, done(context.WithoutCancel(ctx))) }()
	if ref := ofThisHost(source); ref != nil {
		if err := e.place(ctx, ref, session.NewGroup(info.SessionID)); err != nil {
			return nil, nil, nil, err
		}
	}
	return e.ExporterInstance.Export(ctx, source, info)
}

// ofThisHost is the result that containers of this host are made from, nil when there is
// none: then nothing is unpacked.
func ofThisHost(source *exporter.Source) cache.ImmutableRef {
	known, err := exptypes.ParsePlatforms(source.Metadata)
	if err != nil {
		return nil // which the exporter says itself
	}
	host := platforms.Only(platforms.Normalize(platforms.DefaultSpec()))
	var best *exptypes.Platform
	for i, p := range known.Platforms {
		if host.Match(p.Platform) && (best == nil || host.Less(p.Platform, best.Platform)) {
			best = &known.Platforms[i]
		}
	}
	if best == nil {
		return nil
	}
	ref, _ := source.FindRef(best.ID)
	return ref
}

// place makes the snapshot that the image's containers are made from, where there is none
// yet and the build has one with the same content.
func (e *imageExport) place(ctx context.Context, ref cache.ImmutableRef, s session.Group) error {
	remotes, err := ref.GetRemotes(ctx, true, e.refs, false, s)
	if err != nil {
		return err
	}
	var chain []digest.Digest
	for _, layer := range remotes[0].Descriptors {
		chain = append(chain, digest.Digest(layer.Annotations[labels.LabelUncompressed]))
	}
	if len(chain) == 0 {
		return nil
	}
	name := ocidentity.ChainID(chain).String()
	lease, _ := leases.FromContext(ctx) // Export has seen to it
	resource := leases.Resource{ID: name, Type: "snapshots/" + e.exporter.snapshotter.Name()}
	if err := e.exporter.leases.AddResource(ctx, leases.Lease{ID: lease}, resource); err != nil {
		return err
	}
	if _, err := e.exporter.snapshotter.Stat(ctx, name); !cerrdefs.IsNotFound(err) {
		return err
	}
	built := snapshotOf(ref)
	if i, err := e.exporter.snapshotter.Stat(ctx, built); err != nil || i.Kind != snapshots.KindCommitted {
		return ignoreMissing(err) // a merged one that nothing was run in is on no disk
	}
	return e.onTop(ctx, name, built)
}

// snapshotOf is the name of the snapshot that a result of a build is in.
func snapshotOf(ref cache.ImmutableRef) string {
	if name := ref.GetString("cache.snapshot"); name != "" {
		return name
	}
	return ref.ID()
}

func ignoreMissing(err error) error {
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// onTop makes a snapshot with the content of another.
func (e *imageExport) onTop(ctx context.Context, name, of string) error {
	key := identity.NewID()
	sn := e.exporter.snapshotter
	if err := sn.Prepare(ctx, key, of); err != nil {
		return err
	}
	err := sn.Commit(ctx, name, key)
	if err != nil {
		err = errors.Join(err, sn.Remove(context.WithoutCancel(ctx), key))
	}
	if cerrdefs.IsAlreadyExists(err) {
		return nil // another build of the same was faster
	}
	return err
}
