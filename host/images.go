package host

import (
	"context"

	"github.com/gocompose/gocompose/containerd/images"
)

// PullImage fetches an image and unpacks it.
func (h *Host) PullImage(ctx context.Context, ref string, progress func(current, total int64)) error {
	_, err := h.images.Pull(ctx, ref, images.PullOptions{Progress: func(p images.Progress) {
		progress(p.ImageCurrent, p.ImageTotal)
	}})
	return err
}
