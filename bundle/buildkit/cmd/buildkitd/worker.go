package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	ctd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/pkg/gc"
	"github.com/moby/buildkit/cache/metadata"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/resources"
	"github.com/moby/buildkit/executor/runcexecutor"
	"github.com/moby/buildkit/exporter"
	"github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/session"
	snapshot "github.com/moby/buildkit/snapshot/containerd"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/llbsolver/cdidevices"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/archutil"
	"github.com/moby/buildkit/util/disk"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/moby/buildkit/util/network"
	"github.com/moby/buildkit/util/network/cniprovider"
	"github.com/moby/buildkit/util/resolver"
	"github.com/moby/buildkit/version"
	"github.com/moby/buildkit/worker"
	"github.com/moby/buildkit/worker/base"
	"github.com/moby/buildkit/worker/label"
	"tags.cncf.io/container-device-interface/pkg/cdi"
)

// dialTimeout is how long it may take to reach containerd.
const dialTimeout = time.Minute

// containerdWorker is BuildKit's worker on containerd, with an exporter of ours.
type containerdWorker struct {
	*base.Worker

	ahead *ahead
	pool  *leasePool
}

// newWorker returns the worker. What steps need while they run is in a folder.
func newWorker(ctx context.Context, cfg config.Config, steps string) (*containerdWorker, error) {
	c := cfg.Workers.Containerd
	connection, err := ctd.New(c.Address, ctd.WithDefaultNamespace(c.Namespace), ctd.WithTimeout(dialTimeout))
	if err != nil {
		return nil, fmt.Errorf("connecting to containerd at %s: %w", c.Address, err)
	}
	opt, err := storage(ctx, connection, cfg)
	if err != nil {
		return nil, err
	}
	pool := newLeasePool(connection.LeasesService(), c.Namespace)
	opt.LeaseManager = leaseutil.WithNamespace(pool, c.Namespace)
	opt.GarbageCollect = func(ctx context.Context) (gc.Stats, error) {
		pool.settle()
		return nil, collect(ctx, opt.LeaseManager)
	}
	if opt.NetworkProviders, err = networks(cfg); err != nil {
		return nil, err
	}
	if opt.CDIManager, err = newDevices(cfg.CDI); err != nil {
		return nil, err
	}
	if opt.Executor, err = newExecutor(c, steps, opt.NetworkProviders, opt.CDIManager); err != nil {
		return nil, err
	}
	opt.Platforms = archutil.SupportedPlatforms(false)
	opt.GCPolicy = limits(c.GCConfig, cfg.Root)
	opt.BuildkitVersion = client.BuildkitVersion{Package: version.Package, Version: version.Version, Revision: version.Revision}
	opt.RegistryHosts = resolver.NewRegistryConfig(cfg.Registries)
	w, err := base.NewWorker(ctx, opt)
	if err != nil {
		return nil, err
	}
	return &containerdWorker{w, newAhead(w.LeaseManager(), w.Snapshotter), pool}, nil
}

// storage is what the worker keeps things in: containerd's store, and a folder, of the same
// name and with the same files as those of BuildKit's own worker on containerd.
func storage(ctx context.Context, connection *ctd.Client, cfg config.Config) (base.WorkerOpt, error) {
	c := cfg.Workers.Containerd
	root := filepath.Join(cfg.Root, "containerd-"+c.Snapshotter)
	if err := os.MkdirAll(root, 0o700); err != nil {
		return base.WorkerOpt{}, err
	}
	id, err := base.ID(root)
	if err != nil {
		return base.WorkerOpt{}, err
	}
	server, err := connection.IntrospectionService().Server(ctx)
	if err != nil {
		return base.WorkerOpt{}, fmt.Errorf("asking containerd for its name: %w", err)
	}
	records, err := metadata.NewStore(filepath.Join(root, "metadata_v2.db"))
	if err != nil {
		return base.WorkerOpt{}, fmt.Errorf("opening the records of the cache: %w", err)
	}
	content, err := newStore(ctx, connection, c.Namespace)
	if err != nil {
		return base.WorkerOpt{}, err
	}
	return base.WorkerOpt{
		ID:   id,
		Root: root,
		Labels: map[string]string{
			label.Executor: "runc", label.Snapshotter: c.Snapshotter, label.Network: c.Mode,
			label.ContainerdNamespace: c.Namespace, label.ContainerdUUID: server.UUID,
		},
		MetadataStore: records,
		Snapshotter:   snapshot.NewSnapshotter(c.Snapshotter, connection.SnapshotService(c.Snapshotter), c.Namespace, nil),
		ContentStore:  snapshot.NewContentStore(content, c.Namespace),
		Applier:       connection.DiffService(),
		Differ:        connection.DiffService(),
		ImageStore:    connection.ImageService(),
		MountPoolRoot: filepath.Join(root, "cachemounts"),
	}, nil
}

// collect has containerd take away what nothing refers to.
func collect(ctx context.Context, m *leaseutil.Manager) error {
	l, err := m.Create(ctx, leases.WithRandomID())
	if err != nil {
		return err
	}
	return m.Delete(ctx, l, leases.SynchronousDelete)
}

// networks are those that steps may have: one of their own by a plugin, or in tests that
// of the host; the host's; none.
func networks(cfg config.Config) (map[pb.NetMode]network.Provider, error) {
	c := cfg.Workers.Containerd
	all := map[pb.NetMode]network.Provider{
		pb.NetMode_UNSET: network.NewHostProvider(),
		pb.NetMode_HOST:  network.NewHostProvider(),
		pb.NetMode_NONE:  network.NewNoneProvider(),
	}
	switch c.Mode {
	case "host":
		return all, nil
	case "cni":
		own, err := cniprovider.New(cniprovider.Opt{
			Root: cfg.Root, ConfigPath: c.CNIConfigPath, BinaryDir: c.CNIBinaryPath, PoolSize: c.CNIPoolSize,
		})
		all[pb.NetMode_UNSET] = own
		return all, err
	}
	return nil, fmt.Errorf("worker.containerd.networkMode: %q, want cni or host", c.Mode)
}

func (w *containerdWorker) Close() error {
	defer w.pool.close()
	return w.Worker.Close()
}

// ResolveOp returns what a vertex does.
func (w *containerdWorker) ResolveOp(v solver.Vertex, llb frontend.FrontendLLBBridge, sessions *session.Manager, proxy worker.ProxyOpt) (solver.Op, error) {
	op, err := w.Worker.ResolveOp(v, llb, sessions, proxy)
	if err != nil {
		return nil, err
	}
	if as, ok := w.ahead.as(v.Digest()); ok {
		op = &packed{op, w.ahead, as}
	}
	return op, nil
}

// newExecutor returns what runs steps: runc, without containerd, which would have a shim
// started for each.
func newExecutor(c config.ContainerdConfig, steps string, networks map[pb.NetMode]network.Provider, devices *cdidevices.Manager) (executor.Executor, error) {
	monitor, err := resources.NewMonitor()
	if err != nil {
		return nil, err
	}
	return runcexecutor.New(runcexecutor.Opt{
		Root:                steps,
		CommandCandidates:   []string{c.Runtime.Path},
		DefaultCgroupParent: c.DefaultCgroupParent,
		ResourceMonitor:     monitor,
		CDIManager:          devices,
	}, networks)
}

// Exporter returns what an image leaves by.
func (w *containerdWorker) Exporter(name string, sessions *session.Manager) (exporter.Exporter, error) {
	if name == client.ExporterImage {
		return newImageExporter(w.Worker)
	}
	return w.Worker.Exporter(name, sessions)
}

// newDevices returns the devices that vendors describe.
func newDevices(c config.CDIConfig) (*cdidevices.Manager, error) {
	known, err := cdi.NewCache(cdi.WithSpecDirs(c.SpecDirs...))
	if err != nil {
		return nil, fmt.Errorf("reading which devices there are: %w", err)
	}
	return cdidevices.NewManager(known, c.AutoAllowed), nil
}

// limits is how much is kept for later builds.
func limits(c config.GCConfig, root string) []client.PruneInfo {
	size, _ := disk.GetDiskStat(root) // of which shares are taken: of an unknown one none
	rules := c.GCPolicy
	if len(rules) == 0 {
		rules = config.DefaultGCPolicy(c, size)
	}
	var all []client.PruneInfo
	for _, r := range rules {
		all = append(all, client.PruneInfo{
			Filter:        r.Filters,
			All:           r.All,
			KeepDuration:  r.KeepDuration.Duration,
			ReservedSpace: r.ReservedSpace.AsBytes(size),
			MaxUsedSpace:  r.MaxUsedSpace.AsBytes(size),
			MinFreeSpace:  r.MinFreeSpace.AsBytes(size),
		})
	}
	return all
}
