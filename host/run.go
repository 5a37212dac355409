package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/events"
	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/shim/options"
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
	err = h.create(ctx, note, id, c, inherit)
	if err = errors.Join(err, h.volumes.Release(maker(id))); err == nil {
		h.noteEvent(id, events.Create)
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
	img, err := h.images.For(c.Platform).Get(ctx, c.Image)
	if err != nil {
		return err
	}
	if err := h.verifyImage(ctx, c.Image, img, h.trust.of(c.Service)); err != nil {
		return fmt.Errorf("image %s: %w", planner.ShortImage(c.Image), err)
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
	if err := h.placeSecrets(ctx, id, c.Files); err != nil {
		return err
	}
	// The bound files must be there to be bound; starting fills them.
	if err := (texts{}).write(dir); err != nil {
		return err
	}
	if err := keepSubject(dir, id, c); err != nil {
		return err
	}
	return h.containerd.CreateContainer(ctx, containerd.CreateRequest{
		ID:   id,
		Spec: c,
		Image: containerd.Image{
			Digest: img.Digest, ChainID: img.ChainID, Config: img.Config,
			Healthcheck: img.Healthcheck, Shell: img.Shell,
		},
		Mounts:        m.spec,
		Files:         files(dir),
		Secrets:       h.mountedSecrets(id, c.Files),
		Netns:         filepath.Join(h.cfg.Paths.Netns(), id),
		IPC:           h.shared().IPC(id),
		PID:           h.shared().PID(id),
		Shm:           h.shared().Shm(id),
		Hostname:      hostname(c, spec.Hostname(id, c)),
		InitBinary:    h.engine.Init,
		Anonymous:     m.anonymous,
		Taken:         m.taken,
		MountedImages: m.images,
	})
}

// RemoveContainer takes away a container that does not run, with its logs.
func (h *Host) RemoveContainer(ctx context.Context, id string) error {
	lock, err := h.lockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := h.awaitCopies(ctx, id); err != nil {
		return err
	}
	note, err := h.beginRemoving(id)
	if err != nil {
		return err
	}
	if err := h.noteOwnVolumes(ctx, note, id); err != nil {
		return errors.Join(err, note.end())
	}
	if err := h.containerd.RemoveContainer(ctx, id); err != nil {
		return errors.Join(err, note.end())
	}
	h.noteEvent(id, events.Destroy) // it says whose it was as long as its folder is there
	return errors.Join(note.file.Close(), h.unmake(context.WithoutCancel(ctx), id))
}

// noteOwnVolumes notes the anonymous volumes that go with a container, if any.
func (h *Host) noteOwnVolumes(ctx context.Context, note *making, id string) error {
	c, err := h.containerd.Container(ctx, id)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil || !c.Record.Spec.TakesVolumes() {
		return err
	}
	for _, name := range c.Record.Anonymous {
		if err := note.volume(name); err != nil {
			return err
		}
	}
	return nil
}

// shimOptions are what the container's shim is told: where its output goes, and
// which supervisor to keep alive.
func (h *Host) shimOptions(c containerd.Container) (options.Options, error) {
	p := h.cfg.Paths
	l := c.Record.Spec.Logging
	forward, err := forward(c)
	return options.Options{
		Dir:     p.Container(c.ID),
		Driver:  storeDriver(l),
		Log:     logs.Limits{MaxSize: l.MaxSize, MaxFiles: l.MaxFiles},
		Forward: forward,
		Attach:  h.attachSocket(c.ID),
		Events:  p.Events(),
		Supervisor: options.Supervisor{
			Socket:  p.SupervisorSocket(),
			Command: supervisorCommand(h.cfg),
			Env:     []string{"GOCOMPOSE_ROOT=" + p.Root, "GOCOMPOSE_STATE=" + p.State},
		},
	}, err
}
