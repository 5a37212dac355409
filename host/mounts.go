package host

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/planner"
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
	// images are those that are mounted.
	images []containerd.MountedImage
	// taken are the mounts that are taken over from other containers.
	taken []project.Mount
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
// its volumes, what it takes over from others, and the volumes that the image
// declares.
func (h *Host) resolveMounts(ctx context.Context, req mountRequest) (*mounts, error) {
	m := &mounts{anonymous: map[string]string{}}
	covered := map[string]bool{}
	var err error
	if m.taken, err = h.taken(ctx, req.want); err != nil {
		return nil, err
	}
	for _, want := range slices.Concat(req.want.Mounts, m.taken) {
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
		Recursive:   want.Recursive,
		Options:     want.Options,
	}
	var err error
	switch want.Type {
	case project.MountTmpfs:
	case project.MountBind:
		err, out.Source = source(want), want.Source
		if want.Within != "" {
			out.Source = h.staged(req.id, want.Target)
		}
	case project.MountVolume:
		out.Source, err = h.resolveVolume(ctx, m, req, want)
	case project.MountImage:
		out.Source, err = h.resolveImage(ctx, m, req, want)
	}
	m.spec = append(m.spec, out)
	return err
}

// resolveVolume returns what is bound for the volume at a target.
func (h *Host) resolveVolume(ctx context.Context, m *mounts, req mountRequest, want project.Mount) (string, error) {
	if err := relabelled(want); err != nil {
		return "", err
	}
	name, err := h.volume(ctx, m, req, want)
	if err != nil {
		return "", err
	}
	if want.Source != "" { // to fill it, and to have it until the container is known to
		if err := h.volumes.Claim(ctx, name, maker(req.id)); err != nil {
			return "", err
		}
	}
	if want.Subpath != "" { // who makes it may run before this one starts
		return h.staged(req.id, want.Target), nil
	}
	return h.volumeData(name)
}

// volumeData returns the folder of a volume's content.
func (h *Host) volumeData(name string) (string, error) { return h.volumes.Data(name) }

// resolveImage returns what is bound for an image.
func (h *Host) resolveImage(ctx context.Context, m *mounts, req mountRequest, want project.Mount) (string, error) {
	img, err := h.images.Get(ctx, want.Source)
	if err != nil {
		return "", err
	}
	if err := h.verifyImage(ctx, want.Source, img, h.trust.of(req.want.Service)); err != nil {
		return "", fmt.Errorf("image %s, mounted at %s: %w", planner.ShortImage(want.Source), want.Target, err)
	}
	if want.Subpath != "" {
		err = h.images.View(ctx, img, func(root string) error {
			f, err := openBelow(root, want)
			if err != nil {
				return err
			}
			return f.Close()
		})
	}
	m.images = append(m.images, containerd.MountedImage{Target: want.Target, Digest: img.Digest, ChainID: img.ChainID})
	return h.staged(req.id, want.Target), err
}

// volume returns the name of the volume at a target, which exists then.
func (h *Host) volume(ctx context.Context, m *mounts, req mountRequest, want project.Mount) (string, error) {
	name := want.Source
	if name == "" {
		name = cmp.Or(req.inherit[want.Target], anonymousName(req.id, want.Target))
		m.anonymous[want.Target] = name
		if err := h.anonymousVolume(ctx, name, req, want.Labels); err != nil {
			return "", err
		}
	}
	if !want.NoCopy && want.Subpath == "" {
		m.fill = append(m.fill, filling{name, want.Target})
	}
	return name, nil
}

func (h *Host) anonymousVolume(ctx context.Context, name string, req mountRequest, labels map[string]string) error {
	_, err := h.volumes.Get(name)
	if !errors.Is(err, volumes.ErrNotFound) {
		return err
	}
	if err := req.note.volume(name); err != nil {
		return err
	}
	return h.volumes.Create(ctx, project.Volume{Name: name, Project: req.want.Project, Driver: "local", Labels: labels, Anonymous: true})
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
