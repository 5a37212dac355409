package containerd

import (
	"context"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
)

// Size is that of a terminal, in characters.
type Size struct{ Rows, Columns int }

// ResizeTask changes the size of the terminal of a container's process, which may be
// one that is about to be started. One that has ended has none.
func (c *Client) ResizeTask(ctx context.Context, id string, size Size) error {
	return c.resize(ctx, id, "", size)
}

func (c *Client) resize(ctx context.Context, id, execID string, size Size) error {
	_, err := c.raw.TaskService().ResizePty(ctx, &tasks.ResizePtyRequest{
		ContainerID: id, ExecID: execID, Width: uint32(size.Columns), Height: uint32(size.Rows),
	})
	if err = errgrpc.ToNative(err); errdefs.IsNotFound(err) {
		return nil
	}
	return err
}
