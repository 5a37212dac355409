package host

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

// CreateNetwork makes a network, or finds it made.
func (h *Host) CreateNetwork(ctx context.Context, n project.Network) error {
	return h.networks.CreateNetwork(ctx, n)
}

// RemoveNetwork takes a network away that no container is attached to.
func (h *Host) RemoveNetwork(ctx context.Context, n project.Network) error {
	return h.networks.RemoveNetwork(ctx, n)
}

// CreateVolume makes a volume, or finds it made.
func (h *Host) CreateVolume(ctx context.Context, v project.Volume) error {
	return h.volumes.Create(ctx, v)
}

// RemoveVolume destroys a volume and its data. It refuses while a container has
// it, of whatever project, even one that does not run.
func (h *Host) RemoveVolume(ctx context.Context, v project.Volume) error {
	return h.volumes.RemoveIf(ctx, v.Name, func() error {
		all, err := h.containerd.Containers(ctx, containerd.Filter{})
		if err != nil {
			return err
		}
		if names := volumeUsers(all)[v.ID()]; len(names) > 0 {
			return fmt.Errorf("%s is in use by %s: remove them first", v.ID(), strings.Join(names, ", "))
		}
		return nil
	})
}

// Used returns which networks and volumes containers of other projects than the
// one called name use, and the names of these containers. As with Docker a
// network is used by what is attached to it, a volume by whatever container has
// it.
func (h *Host) Used(ctx context.Context, name string) (map[project.ID][]string, error) {
	all, err := h.containerd.Containers(ctx, containerd.Filter{})
	if err != nil {
		return nil, err
	}
	attached, err := endpoint.List(h.cfg.Paths.Endpoints())
	if err != nil {
		return nil, err
	}
	others := slices.DeleteFunc(all, func(c containerd.Container) bool { return c.Record.Spec.Project == name })
	used := volumeUsers(others)
	maps.Copy(used, imageUsers(others))
	for _, e := range attached {
		if e.Project == name {
			continue
		}
		for _, i := range e.Interfaces {
			id := project.Network{Name: i.Network}.ID()
			used[id] = append(used[id], e.Name)
		}
	}
	for _, names := range used {
		slices.Sort(names)
	}
	return used, nil
}

// volumeUsers returns the names of the containers that have each volume, named
// or anonymous.
func volumeUsers(all []containerd.Container) map[project.ID][]string {
	users := map[project.ID][]string{}
	add := func(volume, container string) {
		id := project.Volume{Name: volume}.ID()
		if !slices.Contains(users[id], container) {
			users[id] = append(users[id], container)
		}
	}
	for _, c := range all {
		for _, m := range slices.Concat(c.Record.Spec.Mounts, c.Record.Taken) {
			if m.Type == project.MountVolume && m.Source != "" {
				add(m.Source, c.Record.Spec.Name)
			}
		}
		for _, name := range c.Record.Anonymous {
			add(name, c.Record.Spec.Name)
		}
	}
	return users
}
