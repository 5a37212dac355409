package shim

import (
	"context"
	"errors"
	"fmt"
	"os"

	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Kill sends a running container's first process a signal that is for this
// process alone: the inner service would start runc for that. Others, and
// SIGKILL, which has to reach what is paused, are the inner service's.
func (s *service) Kill(ctx context.Context, r *taskapi.KillRequest) (*emptypb.Empty, error) {
	c := s.container(r.ID)
	signal := unix.Signal(r.Signal)
	if c == nil || r.ExecID != "" || !c.last().Running {
		return s.TTRPCTaskService.Kill(ctx, r)
	}
	if r.All || signal == unix.SIGKILL {
		c.noter.killed(signal) // before, as the end is noted after it
		return s.TTRPCTaskService.Kill(ctx, r)
	}
	c.killing.Lock()
	defer c.killing.Unlock()
	err := c.process.Signal(signal)
	if errors.Is(err, os.ErrProcessDone) {
		err = fmt.Errorf("process already finished: %w", errdefs.ErrNotFound)
	}
	if err != nil {
		return nil, errgrpc.ToGRPC(err)
	}
	c.noter.killed(signal)
	return &emptypb.Empty{}, nil
}
