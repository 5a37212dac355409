package host

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/internal/diskuse"
)

// Usage is what there is that takes space, and how much each takes.
type Usage struct {
	Images     []ImageUse
	Containers []ContainerUse
	Volumes    []VolumeUse
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
