package containerd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/errdefs"
	"github.com/moby/sys/signal"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/project"
)

// CreateRequest is everything a container is made from.
type CreateRequest struct {
	// ID is containerd's identifier of the container, and of its snapshot.
	ID    string
	Spec  project.Container
	Image Image
	// Mounts are Spec.Mounts and Taken with their sources found on the host.
	Mounts []spec.Mount
	// Files maps paths in the container to files of the host.
	Files map[string]string
	// Secrets maps the targets of Spec.Files to files of the host.
	Secrets map[string]string
	// Netns is the path of the network namespace; empty makes a new one at each
	// start, with nothing in it.
	Netns string
	// IPC and PID are the paths of the namespaces that it does not have alone, and
	// Shm is what its /dev/shm is then.
	IPC, PID, Shm string
	// Hostname is spec.Hostname when empty.
	Hostname string
	// InitBinary is the host's path of the init program, for Spec.Init.
	InitBinary string
	// Anonymous maps mount targets to the names of the anonymous volumes there.
	Anonymous map[string]string
	// Taken are mounts that the container takes over from others.
	Taken []project.Mount
	// MountedImages are those of Spec.Mounts and Taken.
	MountedImages []MountedImage
}

// Image is an unpacked image.
type Image struct {
	// Digest is that of the platform's manifest.
	Digest string
	// ChainID is the snapshot of its topmost layer; empty for an image without
	// layers.
	ChainID string
	Config  ocispec.ImageConfig
	// Healthcheck is the image's own, or nil. Shell is what runs its commands,
	// if it says.
	Healthcheck *project.Healthcheck
	Shell       []string
}

// CreateContainer makes a container that has not been started, or finds it
// made. When it fails or ctx ends, nothing of it is left.
func (c *Client) CreateContainer(ctx context.Context, req CreateRequest) (err error) {
	// Between the two steps only a lease keeps the snapshot.
	if _, ok := leases.FromContext(ctx); !ok {
		leased, end, err := c.Lease(ctx, req.Spec.Project, "")
		if err != nil {
			return err
		}
		defer func() {
			ctx, cancel := outlast(ctx)
			defer cancel()
			err = errors.Join(err, end(ctx))
		}()
		ctx = leased
	}
	mounts, made, err := c.prepare(ctx, req)
	if err != nil {
		return err
	}
	if mounts == nil { // there is such a container
		return nil
	}
	err = c.store(ctx, req, mounts)
	if err != nil && made {
		ctx, cancel := outlast(ctx)
		defer cancel()
		var views []string
		for _, i := range req.MountedImages {
			views = append(views, viewKey(req.ID, i.Target))
		}
		err = errors.Join(err, c.deleteRecord(ctx, req.ID, views))
	}
	return err
}

// prepare makes the container's snapshot, and tells whether it did; a call that
// was killed may have left it. It returns no mounts when the container exists.
func (c *Client) prepare(ctx context.Context, req CreateRequest) (_ []mount.Mount, made bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	ctx, cancel := outlast(ctx)
	defer cancel()
	mounts, err := c.Snapshots().Prepare(ctx, req.ID, req.Image.ChainID)
	if err == nil {
		return mounts, true, nil
	}
	if !errdefs.IsAlreadyExists(err) {
		return nil, false, fmt.Errorf("making its file system: %w", err)
	}
	switch _, err := c.raw.ContainerService().Get(ctx, req.ID); {
	case err == nil:
		return nil, false, nil
	case !errdefs.IsNotFound(err):
		return nil, false, err
	}
	if mounts, err = c.Snapshots().Mounts(ctx, req.ID); err != nil {
		return nil, false, fmt.Errorf("finding its file system: %w", err)
	}
	return mounts, true, nil
}

// store writes the container's record and specification.
func (c *Client) store(ctx context.Context, req CreateRequest, mounts []mount.Mount) error {
	stop := cmp.Or(req.Spec.StopSignal, req.Image.Config.StopSignal, defaultStopSignal)
	if _, err := signal.ParseSignal(stop); err != nil {
		return fmt.Errorf("stop_signal: there is no signal %q", stop)
	}
	runtime, err := runtimeProgram(req.Spec.Runtime)
	if err != nil {
		return err
	}
	oci, err := c.specification(req, mounts)
	if err != nil {
		return err
	}
	// Devices are looked for again at each start; here, so that those that are
	// not there are told.
	encoded, bare, err := withDevices(oci, req.Spec)
	if err != nil {
		return err
	}
	record := newRecord(req, oci.Process.Args)
	record.StopSignal, record.Runtime = stop, runtime
	extensions, err := record.extension()
	if err != nil {
		return err
	}
	if bare != nil {
		extensions[bareType] = bare
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := outlast(ctx)
	defer cancel()
	views, err := c.views(ctx, req)
	if err != nil {
		return err
	}
	labels := labels(req.Spec, req.Image, c.cfg.Version)
	maps.Copy(labels, views)
	_, err = c.raw.ContainerService().Create(ctx, containers.Container{
		ID:          req.ID,
		Labels:      labels,
		Image:       req.Spec.Image,
		Runtime:     containers.RuntimeInfo{Name: c.cfg.Runtime},
		Spec:        encoded,
		Snapshotter: c.cfg.Snapshotter,
		SnapshotKey: req.ID,
		Extensions:  extensions,
	})
	if errdefs.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// newRecord is what is kept of a container with those arguments.
func newRecord(req CreateRequest, args []string) Record {
	return Record{
		Spec:          req.Spec,
		ImageDigest:   req.Image.Digest,
		Args:          args,
		Anonymous:     req.Anonymous,
		MountedImages: digests(req.MountedImages),
		Taken:         req.Taken,
		Health:        healthcheck(req),
		Exposed:       exposed(req.Image.Config.ExposedPorts),
	}
}

// healthcheck returns the container's check, whose commands are for /bin/sh: with
// the image's own shell, where it has one, they are no commands any more.
func healthcheck(req CreateRequest) *project.Healthcheck {
	h := project.EffectiveHealthcheck(req.Spec.Health, req.Image.Healthcheck)
	if h != nil && h.Test[0] == project.TestShell && len(req.Image.Shell) > 0 {
		h.Test = slices.Concat([]string{project.TestExec}, req.Image.Shell, h.Test[1:])
	}
	return h
}

func (c *Client) specification(req CreateRequest, mounts []mount.Mount) (*specs.Spec, error) {
	user, err := userOf(cmp.Or(req.Spec.User, req.Image.Config.User), mounts)
	if err != nil {
		return nil, err
	}
	if user, err = withGroups(user, req.Spec.Security.Groups, mounts); err != nil {
		return nil, err
	}
	groups, err := cgroup.Look()
	if err != nil {
		return nil, fmt.Errorf("looking at cgroups: %w", err)
	}
	host, err := host(groups)
	if err != nil {
		return nil, err
	}
	disks, err := blockDevices(req.Spec.Resources.BlockIO, lookAtWeights(host.CgroupV2, groups))
	if err != nil {
		return nil, err
	}
	host.AppArmor = c.appArmor.profile()
	return spec.Build(spec.Input{
		ID:           req.ID,
		Container:    req.Spec,
		Image:        req.Image.Config,
		User:         user,
		Mounts:       req.Mounts,
		BlockDevices: disks,
		Files:        req.Files,
		Secrets:      req.Secrets,
		Netns:        req.Netns,
		IPC:          req.IPC,
		PID:          req.PID,
		Shm:          req.Shm,
		Hostname:     req.Hostname,
		CgroupsPath:  path.Join("/", cmp.Or(req.Spec.CgroupParent, c.cfg.CgroupParent), req.ID),
		InitBinary:   req.InitBinary,
		Host:         host,
	})
}

// userOf returns the user of a process, looked up in the snapshot unless its
// numbers are given.
func userOf(asked string, mounts []mount.Mount) (_ spec.User, err error) {
	if u, ok := numericUser(asked); ok {
		return u, nil
	}
	root, err := OpenMounts(mounts)
	if err != nil {
		return spec.User{}, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return lookUpUser(root.Path(), asked)
}

// RemoveContainer takes away a container that does not run, with what it has
// written. One that does not exist is no error.
func (c *Client) RemoveContainer(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := outlast(ctx)
	defer cancel()
	if err := c.deleteTask(ctx, id); err != nil {
		return err
	}
	record, err := c.raw.ContainerService().Get(ctx, id)
	if err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	return c.deleteRecord(ctx, id, viewsOf(record.Labels))
}

// deleteRecord takes away what containerd stores of a container without a task:
// also the snapshots, views, of the images that it mounts.
func (c *Client) deleteRecord(ctx context.Context, id string, views []string) error {
	// The snapshot last: a container must never point to nothing.
	if err := c.raw.ContainerService().Delete(ctx, id); err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	for _, key := range append(views, id) {
		if err := c.Snapshots().Remove(ctx, key); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("removing its file system: %w", err)
		}
	}
	return nil
}
