package host

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/volumes"
)

// mounts is where a container's data lies.
type mounts struct {
	spec []spec.Mount
	// anonymous maps targets to the names of anonymous volumes.
	anonymous map[string]string
	// fill are the volumes that the image's content may be copied into.
	fill []filling
}

type filling struct{ volume, target string }

// anonymousName is the name of the anonymous volume that container id gets at
// target: the same each time, so that a repeated creation makes no second one.
func anonymousName(id, target string) string {
	sum := sha256.Sum256([]byte(id + "\x00" + target))
	return hex.EncodeToString(sum[:])
}

// mountRequest is the container whose mounts are resolved.
type mountRequest struct {
	id      string
	want    project.Container
	image   images.Image
	inherit map[string]string
	note    *making
}

// resolveMounts finds or makes what a container mounts: the folders of binds,
// its volumes, and those that the image declares.
func (h *Host) resolveMounts(ctx context.Context, req mountRequest) (*mounts, error) {
	m := &mounts{anonymous: map[string]string{}}
	covered := map[string]bool{}
	for _, want := range req.want.Mounts {
		covered[want.Target] = true
		if err := h.resolveMount(ctx, m, req, want); err != nil {
			return nil, err
		}
	}
	for _, f := range req.want.Files {
		covered[f.Target] = true
	}
	for _, target := range slices.Sorted(maps.Keys(req.image.Config.Volumes)) {
		target = path.Clean("/" + target) // Docker takes relative ones too
		if covered[target] {
			continue
		}
		covered[target] = true
		if err := h.resolveMount(ctx, m, req, project.Mount{Type: project.MountVolume, Target: target}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (h *Host) resolveMount(ctx context.Context, m *mounts, req mountRequest, want project.Mount) error {
	out := spec.Mount{
		Type:        want.Type,
		Target:      want.Target,
		ReadOnly:    want.ReadOnly,
		Propagation: want.Propagation,
		Options:     want.Options,
	}
	switch want.Type {
	case project.MountTmpfs:
	case project.MountBind:
		if err := bindSource(want); err != nil {
			return err
		}
		out.Source = want.Source
	case project.MountVolume:
		name, err := h.volume(ctx, m, req, want)
		if err != nil {
			return err
		}
		if out.Source, err = h.volumes.Data(name); err != nil {
			return err
		}
		out.Type = project.MountBind
	}
	m.spec = append(m.spec, out)
	return nil
}

// bindSource sees to it that what is bound exists.
func bindSource(m project.Mount) error {
	_, err := os.Stat(m.Source)
	if errors.Is(err, fs.ErrNotExist) && m.CreateHostPath {
		return os.MkdirAll(m.Source, 0o755)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the bind mount at %s: its source %s does not exist: make it, or set create_host_path: true", m.Target, m.Source)
	}
	return err
}

// volume returns the name of the volume at a target, which exists then.
func (h *Host) volume(ctx context.Context, m *mounts, req mountRequest, want project.Mount) (string, error) {
	name := want.Source
	if name == "" {
		name = cmp.Or(req.inherit[want.Target], anonymousName(req.id, want.Target))
		m.anonymous[want.Target] = name
		if err := h.anonymousVolume(ctx, name, req); err != nil {
			return "", err
		}
	}
	if !want.NoCopy {
		m.fill = append(m.fill, filling{name, want.Target})
	}
	return name, nil
}

func (h *Host) anonymousVolume(ctx context.Context, name string, req mountRequest) error {
	_, err := h.volumes.Get(name)
	if !errors.Is(err, volumes.ErrNotFound) {
		return err
	}
	if err := req.note.volume(name); err != nil {
		return err
	}
	return h.volumes.Create(ctx, project.Volume{Name: name, Project: req.want.Project, Driver: "local", Anonymous: true})
}

// fillVolumes copies the image's content into the volumes that are empty.
func (h *Host) fillVolumes(ctx context.Context, m *mounts, img images.Image) error {
	var empty []filling
	for _, f := range m.fill {
		is, err := h.volumes.Empty(f.volume)
		if err != nil {
			return err
		}
		if is {
			empty = append(empty, f)
		}
	}
	if len(empty) == 0 {
		return nil
	}
	return h.images.View(ctx, img, func(root string) error {
		for _, f := range empty {
			if err := h.volumes.Fill(ctx, f.volume, root, f.target); err != nil {
				return err
			}
		}
		return nil
	})
}
