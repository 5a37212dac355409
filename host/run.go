package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/shim/options"
	"github.com/gocompose/gocompose/supervisor"
)

// CreateContainer makes everything of a container but its process. When it
// fails, nothing is left but bind sources that it made.
func (h *Host) CreateContainer(ctx context.Context, id string, c project.Container, inherit map[string]string) error {
	lock, err := h.lockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	note, err := h.beginMaking(id)
	if err != nil {
		return err
	}
	if err = h.create(ctx, note, id, c, inherit); err == nil {
		return note.end()
	}
	ctx = context.WithoutCancel(ctx)
	_, found := h.containerd.Container(ctx, id)
	switch {
	case found == nil:
		err = errors.Join(err, note.end())
	case errdefs.IsNotFound(found):
		err = errors.Join(err, note.file.Close(), h.unmake(ctx, id))
	}
	return err
}

func (h *Host) create(ctx context.Context, note *making, id string, c project.Container, inherit map[string]string) error {
	img, err := h.images.Get(ctx, c.Image)
	if err != nil {
		return err
	}
	dir := h.cfg.Paths.Container(id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	m, err := h.resolveMounts(ctx, mountRequest{id, c, img, inherit, note})
	if err != nil {
		return err
	}
	if err := h.fillVolumes(ctx, m, img); err != nil {
		return err
	}
	// The bound files must be there to be bound; starting fills them.
	if err := writeFiles(dir, c, id, endpoint.Endpoint{}); err != nil {
		return err
	}
	return h.containerd.CreateContainer(ctx, containerd.CreateRequest{
		ID:   id,
		Spec: c,
		Image: containerd.Image{
			Digest: img.Digest, ChainID: img.ChainID, Config: img.Config,
			Healthcheck: img.Healthcheck, Shell: img.Shell,
		},
		Mounts:     m.spec,
		Files:      files(dir),
		Netns:      filepath.Join(h.cfg.Paths.Netns(), id),
		Hostname:   spec.Hostname(id, c),
		InitBinary: h.engine.Init,
		Anonymous:  m.anonymous,
	})
}

// StartContainer runs the container: first its network, names and ports, then
// its process, so that all are there from its first instruction on.
func (h *Host) StartContainer(ctx context.Context, id string) error {
	lock, err := h.lockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	c, err := h.containerd.Container(ctx, id)
	if err != nil {
		return err
	}
	if c.Running() {
		return nil
	}
	if err := h.start(ctx, c); err != nil {
		// Whatever ended this, what was made for the process must not stay.
		return errors.Join(err, h.detach(context.WithoutCancel(ctx), id))
	}
	return nil
}

func (h *Host) start(ctx context.Context, c containerd.Container) error {
	e, err := h.attach(ctx, c)
	if err != nil {
		return err
	}
	if err := writeFiles(h.cfg.Paths.Container(c.ID), c.Record.Spec, c.ID, e); err != nil {
		return err
	}
	return h.containerd.StartTask(ctx, c.ID, containerd.StartRequest{LogURI: h.shimOptions(c).URI()})
}

// attach puts the container on its networks, and returns when its names are
// answered and its ports lead to it.
func (h *Host) attach(ctx context.Context, c containerd.Container) (endpoint.Endpoint, error) {
	want := c.Record.Spec
	req := networks.AttachRequest{
		ID: c.ID, Name: want.Name, Project: want.Project, Service: want.Service,
		DNSPort: supervisor.DNSPort,
	}
	for _, n := range want.Networks {
		names := append([]string{want.Name, want.Service, ShortID(c.ID)}, n.Aliases...)
		req.Endpoints = append(req.Endpoints, networks.NetworkEndpoint{Network: n.Network, Names: names})
	}
	e, err := h.networks.Attach(ctx, req)
	if err != nil {
		return e, err
	}
	e.Ports = nil // those of an attempt that was cut short are not asked for again
	for _, p := range want.Ports {
		e.Ports = append(e.Ports, endpoint.Port{Port: p, HostPort: p.Published})
	}
	if e, err = h.supervisor.Hold(ctx, e); err != nil {
		return e, err
	}
	return e, h.networks.Publish(ctx, e)
}

func (h *Host) detach(ctx context.Context, id string) error {
	return errors.Join(h.supervisor.Release(ctx, id), h.networks.Detach(ctx, id))
}

// StopContainer ends the container's process: by its stop signal, after grace
// by force.
func (h *Host) StopContainer(ctx context.Context, id string, grace time.Duration) error {
	lock, err := h.lockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := h.containerd.StopTask(ctx, id, containerd.StopRequest{Grace: grace}); err != nil {
		return err
	}
	return h.detach(context.WithoutCancel(ctx), id)
}

// RemoveContainer takes away a container that does not run, with its logs.
func (h *Host) RemoveContainer(ctx context.Context, id string) error {
	lock, err := h.lockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	note, err := h.beginRemoving(id)
	if err != nil {
		return err
	}
	if err := h.containerd.RemoveContainer(ctx, id); err != nil {
		return errors.Join(err, note.end())
	}
	return errors.Join(note.file.Close(), h.unmake(context.WithoutCancel(ctx), id))
}

// shimOptions are what the container's shim is told: where its output goes, and
// which supervisor to keep alive.
func (h *Host) shimOptions(c containerd.Container) options.Options {
	p := h.cfg.Paths
	l := c.Record.Spec.Logging
	return options.Options{
		Dir:    p.Container(c.ID),
		Driver: l.Driver,
		Log:    logs.Limits{MaxSize: l.MaxSize, MaxFiles: l.MaxFiles},
		Supervisor: options.Supervisor{
			Socket:  p.SupervisorSocket(),
			Command: supervisorCommand(h.cfg),
			Env:     []string{"GOCOMPOSE_ROOT=" + p.Root, "GOCOMPOSE_STATE=" + p.State},
		},
	}
}
