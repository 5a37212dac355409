package host

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/internal/diskuse"
)

// Usage is what there is that takes space, and how much each takes.
type Usage struct {
	Images     []ImageUse
	Containers []ContainerUse
	Volumes    []VolumeUse
	Shares
}

// ImageUse is a name of an image, and what the image consists of. Images share parts.
type ImageUse struct {
	Image
	Parts images.Parts
}

// ContainerUse is a container.
type ContainerUse struct {
	Info
	Written int64 // what it has written beside volumes, in allocated bytes
	Logs    int64 // the same of its logs
}

// VolumeUse is a volume.
type VolumeUse struct {
	Volume
	Size int64 // as with Volume.Size
}

// Usage measures everything.
func (h *Host) Usage(ctx context.Context) (u Usage, err error) {
	parts, err := h.images.Parts(ctx)
	if err != nil {
		return u, err
	}
	list, err := h.ListImages(ctx)
	if err != nil {
		return u, err
	}
	for _, i := range list {
		u.Images = append(u.Images, ImageUse{i, parts[i.Ref]})
	}
	containers, err := h.Containers(ctx, "")
	if err != nil {
		return u, err
	}
	for _, c := range containers {
		one, err := h.containerUse(ctx, c)
		if err != nil {
			return u, err
		}
		u.Containers = append(u.Containers, one)
	}
	if u.Shares, err = h.shares(ctx, parts); err != nil {
		return u, err
	}
	volumes, err := h.Volumes(ctx)
	if err != nil {
		return u, err
	}
	for _, v := range volumes {
		size, err := v.Size(ctx)
		if err != nil {
			return u, fmt.Errorf("measuring volume %s: %w", v.Name, err)
		}
		u.Volumes = append(u.Volumes, VolumeUse{v, size})
	}
	return u, nil
}

// Parts are all that images, and who else there is, have, and no container wrote.
func (u Usage) Parts() images.Parts {
	all := images.Parts{}
	for _, i := range u.Images {
		maps.Copy(all, i.Parts)
	}
	for _, parts := range []images.Parts{u.Bases, u.Build, u.Busy, u.Left} {
		maps.Copy(all, parts)
	}
	return all
}

// shares says for whom all is stored; parts are those of images.
func (h *Host) shares(ctx context.Context, parts map[string]images.Parts) (Shares, error) {
	stored, err := h.images.Stored(ctx)
	if err != nil {
		return Shares{}, err
	}
	containers, err := h.containerd.Containers(ctx, containerd.Filter{})
	if err != nil {
		return Shares{}, err
	}
	c := claims{images: slices.Collect(maps.Values(parts)), killed: h.killed}
	for _, one := range containers {
		c.containers = append(c.containers, one.Snapshots()...)
	}
	return share(stored, c)
}

func (h *Host) containerUse(ctx context.Context, c Info) (ContainerUse, error) {
	out := ContainerUse{Info: c}
	use, err := h.containerd.Snapshots().Usage(ctx, c.ID)
	if err != nil && !errdefs.IsNotFound(err) {
		return out, fmt.Errorf("measuring container %s: %w", c.Name, err)
	}
	out.Written = use.Size
	sums, err := diskuse.Of(ctx, c.Dir, func(path string) string {
		if strings.HasPrefix(filepath.Base(path), "log") {
			return "logs"
		}
		return ""
	})
	out.Logs = sums["logs"]
	return out, err
}
