package host

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/project"
)

// taken returns the mounts that a container takes over from those that its
// specification names.
func (h *Host) taken(ctx context.Context, want project.Container) ([]project.Mount, error) {
	var shared [][]project.Mount
	for _, f := range want.VolumesFrom {
		c, err := h.containerd.Container(ctx, f.ID)
		if errdefs.IsNotFound(err) || f.ID == "" {
			return nil, fmt.Errorf("volumes_from: %s: its container is gone: repeat the command", f)
		}
		if err != nil {
			return nil, err
		}
		shared = append(shared, c.Record.Spec.Shared(c.Record.Anonymous, c.Record.Taken))
	}
	return want.Taken(shared), nil
}
