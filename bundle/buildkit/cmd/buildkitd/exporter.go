package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	cerrdefs "github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/cache"
	cacheconfig "github.com/moby/buildkit/cache/config"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter"
	"github.com/moby/buildkit/exporter/containerimage"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/moby/buildkit/util/progress"
	"github.com/moby/buildkit/worker/base"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// imageExporter puts images into containerd's store, ready to make containers from, and
// gives them their names then. It understands of the attributes of BuildKit's exporter of
// that name what says how layers are packed, what an image is called, and annotations.
//
// Other than that one it does not unpack again what it has packed (see place).
type imageExporter struct {
	of     *base.Worker
	writer *containerimage.ImageWriter
}

func newImageExporter(w *base.Worker) (*imageExporter, error) {
	writer, err := containerimage.NewImageWriter(containerimage.WriterOpt{
		Snapshotter: w.Snapshotter, ContentStore: w.WorkerOpt.ContentStore, Applier: w.Applier, Differ: w.Differ,
	})
	return &imageExporter{w, writer}, err
}

func (e *imageExporter) Resolve(ctx context.Context, id int, attrs map[string]string) (exporter.ExporterInstance, error) {
	x := &imageExport{exporter: e, id: id, attrs: attrs}
	x.opts.ForceInlineAttestations = true
	rest, err := x.opts.Load(ctx, attrs)
	if err != nil {
		return nil, err
	}
	if x.opts.RewriteTimestamp { // what steps have left would not be what is packed
		return nil, fmt.Errorf("exporting an image: %s is not understood", exptypes.OptKeyRewriteTimestamp)
	}
	for name := range rest {
		if !slices.Contains(understood, name) {
			return nil, fmt.Errorf("exporting an image: the attribute %s is not understood", name)
		}
	}
	return x, nil
}

// understood are the attributes beside those of which Load leaves nothing.
var understood = []string{"compression", "compression-level", "force-compression", "unpack"} // which is always done

// imageExport is one export.
type imageExport struct {
	exporter *imageExporter
	id       int
	attrs    map[string]string
	opts     containerimage.ImageCommitOpts
}

func (x *imageExport) ID() int                  { return x.id }
func (x *imageExport) Name() string             { return "exporting to image" }
func (x *imageExport) Type() string             { return client.ExporterImage }
func (x *imageExport) Attrs() map[string]string { return x.attrs }

func (x *imageExport) Config() *exporter.Config {
	return exporter.NewConfigWithCompression(x.opts.RefCfg.Compression)
}

func (x *imageExport) Export(ctx context.Context, source *exporter.Source, info exporter.ExportBuildInfo) (_ map[string]string, _ exporter.FinalizeFunc, _ exporter.DescriptorReference, err error) {
	opts := x.opts
	annotations, _, err := containerimage.ParseAnnotations(source.Metadata)
	if err != nil {
		return nil, nil, nil, err
	}
	opts.Annotations = opts.Annotations.Merge(annotations)
	opts.SetOCITypesDefault(containerimage.DefaultOCITypes(info.CompatibilityVersion, source))
	opts.SetOCIArtifactDefault(containerimage.DefaultOCIArtifact(info.CompatibilityVersion, &opts))
	ctx, done, err := leaseutil.WithLease(ctx, x.exporter.of.LeaseManager(), leaseutil.MakeTemporary)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() { err = errors.Join(err, done(context.WithoutCancel(ctx))) }()
	target, err := x.put(ctx, source, info, &opts)
	if err != nil {
		return nil, nil, nil, err
	}
	response, err := answer(*target, opts.ImageName)
	return response, nil, nil, err
}

// put puts the image into the store, and returns what its names stand for.
func (x *imageExport) put(ctx context.Context, source *exporter.Source, info exporter.ExportBuildInfo, opts *containerimage.ImageCommitOpts) (*ocispec.Descriptor, error) {
	s := session.NewGroup(info.SessionID)
	if err := packAll(ctx, results(source), &opts.RefCfg, s); err != nil {
		return nil, err
	}
	var target *ocispec.Descriptor
	var snapshot string
	both, bctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		target, err = x.exporter.writer.Commit(bctx, source, info.SessionID, info.InlineCache, opts, info.CompatibilityVersion, x.Type())
		return err
	})
	both.Go(func() (err error) {
		snapshot, err = x.unpacked(bctx, source, opts.RefCfg, s)
		return err
	})
	if err := both.Wait(); err != nil {
		return nil, err
	}
	if snapshot != "" {
		if err := x.keep(ctx, *target, snapshot); err != nil {
			return nil, err
		}
	}
	for name := range strings.SplitSeq(opts.ImageName, ",") {
		if err := x.name(ctx, name, *target); err != nil {
			return nil, err
		}
	}
	return target, nil
}

// unpacked sees to it that all layers are here, of the platform that containers of this host
// have also unpacked, and returns the name of their snapshot.
func (x *imageExport) unpacked(ctx context.Context, source *exporter.Source, as cacheconfig.RefConfig, s session.Group) (snapshot string, err error) {
	host := ofThisHost(source)
	for _, ref := range results(source) {
		remotes, err := ref.GetRemotes(ctx, true, as, false, s)
		if err != nil {
			return "", err
		}
		if remote, ok := remotes[0].Provider.(cache.Unlazier); ok {
			if err := remote.Unlazy(ctx); err != nil {
				return "", err
			}
		}
		if ref == host {
			if snapshot, err = x.exporter.place(ctx, ref, remotes[0].Descriptors); err != nil {
				return "", err
			}
		}
	}
	return snapshot, nil
}

// results are those of all platforms that have layers.
func results(source *exporter.Source) []cache.ImmutableRef {
	refs := []cache.ImmutableRef{source.Ref}
	for _, ref := range source.Refs {
		refs = append(refs, ref)
	}
	return slices.DeleteFunc(refs, func(ref cache.ImmutableRef) bool { return ref == nil })
}

// ofThisHost is the result that containers of this host are made from, nil when there is
// none.
func ofThisHost(source *exporter.Source) cache.ImmutableRef {
	known, err := exptypes.ParsePlatforms(source.Metadata)
	if err != nil {
		return nil // which the writer says itself
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

// keep has the snapshot kept as long as the image is: its configuration says so.
func (x *imageExport) keep(ctx context.Context, target ocispec.Descriptor, snapshot string) error {
	store := x.exporter.of.ContentStore()
	config := digest.Digest(target.Annotations[exptypes.ExporterConfigDigestKey])
	if config == "" { // the target is an index
		manifest, err := images.Manifest(ctx, store, target, platforms.Default())
		if err != nil {
			return err
		}
		config = manifest.Config.Digest
	}
	label := "containerd.io/gc.ref.snapshot." + x.exporter.of.Snapshotter.Name()
	_, err := store.Update(ctx, content.Info{Digest: config, Labels: map[string]string{label: snapshot}}, "labels."+label)
	return err
}

// name gives the image a name, which another may have had.
func (x *imageExport) name(ctx context.Context, name string, target ocispec.Descriptor) error {
	done := progress.OneOff(ctx, "naming to "+name)
	target.Annotations = ownAnnotations(target)
	image := images.Image{Name: name, Target: target}
	for {
		_, err := x.exporter.of.ImageStore.Update(ctx, image)
		if cerrdefs.IsNotFound(err) {
			if _, err = x.exporter.of.ImageStore.Create(ctx, image); cerrdefs.IsAlreadyExists(err) {
				continue // by now
			}
		}
		return done(err)
	}
}

// ownAnnotations are without what the writer has added for us.
func ownAnnotations(target ocispec.Descriptor) map[string]string {
	own := maps.Clone(target.Annotations)
	delete(own, exptypes.ExporterConfigDigestKey)
	return own
}

// answer is what the client is told.
func answer(target ocispec.Descriptor, name string) (map[string]string, error) {
	config := target.Annotations[exptypes.ExporterConfigDigestKey]
	target.Annotations = ownAnnotations(target)
	text, err := json.Marshal(target)
	response := map[string]string{
		exptypes.ExporterImageNameKey:       name,
		exptypes.ExporterImageDigestKey:     target.Digest.String(),
		exptypes.ExporterImageDescriptorKey: base64.StdEncoding.EncodeToString(text),
	}
	if config != "" {
		response[exptypes.ExporterImageConfigDigestKey] = config
	}
	return response, err
}
