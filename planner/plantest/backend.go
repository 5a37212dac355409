package plantest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// CreateNetwork implements executor.Networks.
func (w *World) CreateNetwork(ctx context.Context, n project.Network) error {
	return w.call(ctx, "create "+n.ID().String(), func() error {
		if have, there := w.networks[n.Name]; there && !reflect.DeepEqual(have, n) {
			return fmt.Errorf("network %s is there and is another", n.Name)
		}
		w.networks[n.Name] = n
		return nil
	})
}

// RemoveNetwork implements executor.Networks. What does not run is not on it.
func (w *World) RemoveNetwork(ctx context.Context, n project.Network) error {
	return w.call(ctx, "remove "+n.ID().String(), func() error {
		for _, c := range w.containers {
			if c.Running() && on(c.Spec, n.Name) {
				return fmt.Errorf("network %s is used by %s", n.Name, c.ID)
			}
		}
		delete(w.networks, n.Name)
		return nil
	})
}

// on tells whether c is on the network of that name, when it runs.
func on(c project.Container, network string) bool {
	return slices.ContainsFunc(c.Networks, func(e project.Endpoint) bool { return e.Network == network })
}

// CreateVolume implements executor.Volumes.
func (w *World) CreateVolume(ctx context.Context, v project.Volume) error {
	return w.call(ctx, "create "+v.ID().String(), func() error {
		if _, there := w.volumes[v.Name]; !there {
			w.volumes[v.Name] = v
		}
		return nil
	})
}

// RemoveVolume implements executor.Volumes.
func (w *World) RemoveVolume(ctx context.Context, v project.Volume) error {
	return w.call(ctx, "remove "+v.ID().String(), func() error {
		for _, c := range w.containers {
			named := slices.ContainsFunc(slices.Concat(c.Spec.Mounts, c.Taken), func(m project.Mount) bool {
				return m.Type == project.MountVolume && m.Source == v.Name
			})
			if named || slices.Contains(slices.Collect(maps.Values(c.Anonymous)), v.Name) {
				return fmt.Errorf("volume %s is used by %s", v.Name, c.ID)
			}
		}
		delete(w.volumes, v.Name)
		return nil
	})
}

// PullImage implements executor.Images.
func (w *World) PullImage(ctx context.Context, image project.Image, progress func(executor.Progress)) error {
	ref := image.String()
	if progress != nil {
		progress(executor.Progress{Current: 1, Total: 2})
	}
	return w.call(ctx, "pull "+ref, func() error {
		d, ok := w.registry[ref]
		if !ok {
			return fmt.Errorf("%s: not found", ref)
		}
		w.images[ref] = d
		return nil
	})
}

// VerifyImage implements executor.Images.
func (w *World) VerifyImage(ctx context.Context, op planner.VerifyImage) error {
	ref := op.Image().String()
	return w.call(ctx, "verify "+ref, func() error {
		from := w.images
		if op.Remote {
			from = w.registry
		}
		d, ok := from[ref]
		if !ok {
			return fmt.Errorf("%s: not found", ref)
		}
		for _, p := range op.Policies {
			if !w.signed[signature{d, p.Digest()}] {
				return fmt.Errorf("%s is not signed by %s", ref, p.By())
			}
			w.verified[signature{d, p.Digest()}] = true
		}
		return nil
	})
}

// PushImage implements executor.Images.
func (w *World) PushImage(ctx context.Context, image project.Image, progress func(executor.Progress)) error {
	ref := image.String()
	progress(executor.Progress{Current: 1, Total: 2})
	return w.call(ctx, "push "+ref, func() error {
		d, ok := w.images[ref]
		if !ok {
			return fmt.Errorf("no image %s", ref)
		}
		w.registry[ref] = d
		return nil
	})
}

// BuildImage implements executor.Images. What comes of it depends on what is built, and
// on the images of the world that it begins with: one that is not there stands in the registry.
func (w *World) BuildImage(ctx context.Context, op planner.BuildImage) error {
	return w.call(ctx, "build "+op.Image().String(), func() error {
		here := func(ref string) bool {
			_, here := w.images[project.Image{Ref: ref, Platform: op.Platform}.String()]
			return here
		}
		if len(op.Unless) > 0 && !slices.ContainsFunc(op.Unless, func(ref string) bool { return !here(ref) }) {
			return nil
		}
		bases := slices.Clone(op.Build.Bases)
		for _, ref := range op.Images {
			bases = append(bases, ref)
		}
		slices.Sort(bases)
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256(fmt.Append(nil, op.Build)))
		for _, ref := range bases {
			base, ok := w.images[project.Image{Ref: ref, Platform: op.Platform}.String()]
			if !ok {
				base, ok = w.registry[ref]
			}
			if !ok {
				return fmt.Errorf("%s: not found", ref)
			}
			digest = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(digest+base)))
		}
		for _, ref := range append([]string{op.Ref}, op.Build.Tags...) {
			w.images[project.Image{Ref: ref, Platform: op.Platform}.String()] = digest
		}
		return nil
	})
}

// RemoveImage implements executor.Images.
func (w *World) RemoveImage(ctx context.Context, op planner.RemoveImage) error {
	return w.call(ctx, "remove "+op.Target().String(), func() error {
		for _, c := range w.containers {
			made := slices.ContainsFunc(c.Spec.AllImages(), func(i project.Image) bool { return i.Ref == op.Ref })
			if made && !op.Used {
				return fmt.Errorf("image %s is used by %s", op.Ref, c.ID)
			}
		}
		delete(w.images, op.Ref)
		return nil
	})
}

// CreateContainer implements executor.Containers.
func (w *World) CreateContainer(ctx context.Context, id string, spec project.Container, inherit map[string]string) error {
	return w.call(ctx, "create "+id, func() error {
		if c, there := w.containers[id]; there {
			if !reflect.DeepEqual(c.Spec, spec) {
				return fmt.Errorf("container %s is there and is another", id)
			}
			return nil
		}
		if w.used[id] {
			return fmt.Errorf("identifier %s was used before", id)
		}
		if err := w.ingredients(spec); err != nil {
			return err
		}
		w.used[id] = true
		c := container{Container: planner.Container{
			ID: id, Spec: spec, State: planner.StateCreated, ImageDigest: w.images[spec.WantedImage().String()],
			MountedImages: map[string]string{}, Anonymous: map[string]string{},
		}}
		c.Taken = w.taken(spec)
		for _, m := range slices.Concat(spec.Mounts, c.Taken) {
			if m.Type == project.MountImage {
				c.MountedImages[m.Target] = w.images[project.Image{Ref: m.Source}.String()]
			}
		}
		for _, target := range w.anonymousTargets(spec, c.Taken) {
			name, inherited := inherit[target]
			if !inherited {
				name = "anon-" + id + strings.ReplaceAll(target, "/", "-")
				w.volumes[name] = project.Volume{Name: name, Project: spec.Project, Anonymous: true}
			} else if _, there := w.volumes[name]; !there {
				return fmt.Errorf("no volume %s to inherit", name)
			}
			c.Anonymous[target] = name
		}
		w.put(c)
		return nil
	})
}

// ingredients returns an error for the first thing that a container of spec is
// made with and that is not there.
func (w *World) ingredients(spec project.Container) error {
	for _, image := range spec.Images() {
		if _, ok := w.images[image.String()]; !ok {
			return fmt.Errorf("no image %s", image)
		}
	}
	for _, f := range spec.VolumesFrom {
		if _, ok := w.containers[f.ID]; !ok {
			return fmt.Errorf("no container %q to take mounts from", f.ID)
		}
	}
	for _, m := range slices.Concat(spec.Mounts, w.taken(spec)) {
		if _, ok := w.volumes[m.Source]; m.Type == project.MountVolume && m.Source != "" && !ok {
			return fmt.Errorf("no volume %s", m.Source)
		}
	}
	return nil
}

// taken returns the mounts that a container of spec takes over.
func (w *World) taken(spec project.Container) []project.Mount {
	var shared [][]project.Mount
	for _, f := range spec.VolumesFrom {
		of := w.containers[f.ID]
		shared = append(shared, of.Spec.Shared(of.Anonymous, of.Taken))
	}
	return spec.Taken(shared)
}

// anonymousTargets returns where spec has anonymous volumes: its own, and those
// of the image that nothing else covers, also nothing that is taken over.
func (w *World) anonymousTargets(spec project.Container, taken []project.Mount) []string {
	var out []string
	covered := map[string]bool{}
	for _, m := range spec.Mounts {
		covered[m.Target] = true
		if m.Type == project.MountVolume && m.Source == "" {
			out = append(out, m.Target)
		}
	}
	for _, m := range taken {
		covered[m.Target] = true
	}
	for _, target := range w.imageVolumes[spec.Image] {
		if !covered[target] {
			out = append(out, target)
		}
	}
	return out
}
