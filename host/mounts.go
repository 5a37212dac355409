package host

import (
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

// resolveMounts finds or makes what a container mounts: the folders of binds,
// its volumes, and those that the image declares.
func (h *Host) resolveMounts(ctx context.Context, id string, c project.Container, img images.Image, inherit map[string]string) (mounts, error) {
	m := mounts{anonymous: map[string]string{}}
	covered := map[string]bool{}
	for _, want := range c.Mounts {
		covered[want.Target] = true
		if err := h.resolveMount(ctx, &m, id, want, c, inherit); err != nil {
			return mounts{}, err
		}
	}
	for _, target := range slices.Sorted(maps.Keys(img.Config.Volumes)) {
		target = path.Clean(target)
		if !covered[target] {
			covered[target] = true
			want := project.Mount{Type: project.MountVolume, Target: target}
			if err := h.resolveMount(ctx, &m, id, want, c, inherit); err != nil {
				return mounts{}, err
			}
		}
	}
	return m, nil
}

func (h *Host) resolveMount(ctx context.Context, m *mounts, id string, want project.Mount, c project.Container, inherit map[string]string) error {
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
		name, err := h.volume(ctx, m, id, want, c, inherit)
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
func (h *Host) volume(ctx context.Context, m *mounts, id string, want project.Mount, c project.Container, inherit map[string]string) (string, error) {
	name := want.Source
	if name == "" {
		if name = inherit[want.Target]; name == "" {
			name = anonymousName(id, want.Target)
		}
		m.anonymous[want.Target] = name
		v := project.Volume{Name: name, Project: c.Project, Driver: "local", Anonymous: true}
		if err := h.volumes.Create(ctx, v); err != nil {
			return "", err
		}
	}
	if !want.NoCopy {
		m.fill = append(m.fill, filling{name, want.Target})
	}
	return name, nil
}

// fillVolumes copies the image's content into the volumes that are empty.
func (h *Host) fillVolumes(ctx context.Context, m mounts, img images.Image) error {
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
