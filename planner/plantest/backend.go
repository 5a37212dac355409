package plantest

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// CreateNetwork implements executor.Networks.
func (w *World) CreateNetwork(ctx context.Context, n project.Network) error {
	return w.call(ctx, "create "+n.ID().String(), func() error {
		if _, there := w.networks[n.Name]; !there {
			w.networks[n.Name] = n
		}
		return nil
	})
}

// RemoveNetwork implements executor.Networks.
func (w *World) RemoveNetwork(ctx context.Context, n project.Network) error {
	return w.call(ctx, "remove "+n.ID().String(), func() error {
		for _, c := range w.containers {
			if slices.ContainsFunc(c.Spec.Networks, func(e project.Endpoint) bool { return e.Network == n.Name }) {
				return fmt.Errorf("network %s is used by %s", n.Name, c.ID)
			}
		}
		delete(w.networks, n.Name)
		return nil
	})
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
			named := slices.ContainsFunc(c.Spec.Mounts, func(m project.Mount) bool {
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
func (w *World) PullImage(ctx context.Context, ref string, progress func(current, total int64)) error {
	if progress != nil {
		progress(1, 2)
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
		c := planner.Container{ID: id, Spec: spec, State: planner.StateCreated, ImageDigest: w.images[spec.Image], Anonymous: map[string]string{}}
		for _, target := range w.anonymousTargets(spec) {
			name, inherited := inherit[target]
			if !inherited {
				name = "anon-" + id + strings.ReplaceAll(target, "/", "-")
				w.volumes[name] = project.Volume{Name: name, Project: spec.Project, Anonymous: true}
			} else if _, there := w.volumes[name]; !there {
				return fmt.Errorf("no volume %s to inherit", name)
			}
			c.Anonymous[target] = name
		}
		w.containers[id] = c
		return nil
	})
}

// ingredients returns an error for the first thing that spec needs and that is
// not there.
func (w *World) ingredients(spec project.Container) error {
	if _, ok := w.images[spec.Image]; !ok {
		return fmt.Errorf("no image %s", spec.Image)
	}
	for _, n := range spec.Networks {
		if _, ok := w.networks[n.Network]; !ok {
			return fmt.Errorf("no network %s", n.Network)
		}
	}
	for _, m := range spec.Mounts {
		if _, ok := w.volumes[m.Source]; m.Type == project.MountVolume && m.Source != "" && !ok {
			return fmt.Errorf("no volume %s", m.Source)
		}
	}
	return nil
}

// anonymousTargets returns where spec has anonymous volumes: its own, and those
// of the image that nothing else covers.
func (w *World) anonymousTargets(spec project.Container) []string {
	var out []string
	covered := map[string]bool{}
	for _, m := range spec.Mounts {
		covered[m.Target] = true
		if m.Type == project.MountVolume && m.Source == "" {
			out = append(out, m.Target)
		}
	}
	for _, target := range w.imageVolumes[spec.Image] {
		if !covered[target] {
			out = append(out, target)
		}
	}
	return out
}

// StartContainer implements executor.Containers.
func (w *World) StartContainer(ctx context.Context, id string) error {
	return w.call(ctx, "start "+id, func() error {
		c, ok := w.containers[id]
		if !ok {
			return fmt.Errorf("no container %s", id)
		}
		if c.Running() {
			return nil
		}
		for _, o := range w.containers {
			if err := coexist(c, o); err != nil {
				return err
			}
		}
		c.State = planner.StateRunning
		w.containers[id] = c
		return nil
	})
}

// coexist tells why c cannot run beside o.
func coexist(c, o planner.Container) error {
	if !o.Running() || o.ID == c.ID {
		return nil
	}
	if o.Spec.ID() == c.Spec.ID() && o.Spec.Project == c.Spec.Project {
		return fmt.Errorf("two containers of one replica run: %s and %s", c.ID, o.ID)
	}
	if o.Spec.Name == c.Spec.Name {
		return fmt.Errorf("the name %s is taken by %s", c.Spec.Name, o.ID)
	}
	for _, p := range c.Spec.Ports {
		for _, q := range o.Spec.Ports {
			same := p.Published != 0 && p.Published == q.Published && p.Protocol == q.Protocol
			if same && (p.HostIP == q.HostIP || p.HostIP == "" || q.HostIP == "") {
				return fmt.Errorf("port %d is taken by %s", p.Published, o.ID)
			}
		}
	}
	return nil
}

// StopContainer implements executor.Containers.
func (w *World) StopContainer(ctx context.Context, id string, _ time.Duration) error {
	return w.call(ctx, "stop "+id, func() error {
		if c, ok := w.containers[id]; ok && c.Running() {
			c.State = planner.StateExited
			w.containers[id] = c
		}
		return nil
	})
}

// RemoveContainer implements executor.Containers.
func (w *World) RemoveContainer(ctx context.Context, id string) error {
	return w.call(ctx, "remove "+id, func() error {
		if w.containers[id].Running() {
			return fmt.Errorf("container %s is running", id)
		}
		delete(w.containers, id)
		return nil
	})
}

// AwaitContainer implements executor.Containers.
func (w *World) AwaitContainer(ctx context.Context, id string, _ project.Condition) error {
	return w.call(ctx, "await "+id, func() error {
		if _, ok := w.containers[id]; !ok {
			return fmt.Errorf("no container %s", id)
		}
		return nil
	})
}

// KillContainer implements executor.Containers.
func (w *World) KillContainer(ctx context.Context, id, _ string) error {
	return w.call(ctx, "kill "+id, func() error {
		c := w.containers[id]
		if !c.Running() {
			return executor.ErrNotRunning
		}
		c.State = planner.StateExited
		w.containers[id] = c
		return nil
	})
}

// PauseContainer implements executor.Containers.
func (w *World) PauseContainer(ctx context.Context, id string) error {
	return w.freeze(ctx, "pause "+id, id, planner.StatePaused)
}

// UnpauseContainer implements executor.Containers.
func (w *World) UnpauseContainer(ctx context.Context, id string) error {
	return w.freeze(ctx, "unpause "+id, id, planner.StateRunning)
}

func (w *World) freeze(ctx context.Context, call, id string, to planner.State) error {
	return w.call(ctx, call, func() error {
		c := w.containers[id]
		if !c.Running() {
			return executor.ErrNotRunning
		}
		c.State = to
		w.containers[id] = c
		return nil
	})
}
