package containerd

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/containers"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// unkillable is an engine with a container whose process does not end.
type unkillable struct {
	tasks.TasksClient
	killed bool
}

func (u *unkillable) Get(ctx context.Context, r *tasks.GetRequest, _ ...grpc.CallOption) (*tasks.GetResponse, error) {
	return &tasks.GetResponse{Process: &task.Process{ID: r.ContainerID, Pid: 7, Status: task.Status_RUNNING}}, ctx.Err()
}

func (u *unkillable) Kill(_ context.Context, r *tasks.KillRequest, _ ...grpc.CallOption) (*emptypb.Empty, error) {
	u.killed = u.killed || syscall.Signal(r.Signal) == syscall.SIGKILL
	return &emptypb.Empty{}, nil
}

func (u *unkillable) Wait(ctx context.Context, _ *tasks.WaitRequest, _ ...grpc.CallOption) (*tasks.WaitResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (u *unkillable) Delete(ctx context.Context, _ *tasks.DeleteTaskRequest, _ ...grpc.CallOption) (*tasks.DeleteResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// anyContainer is there.
type anyContainer struct{ containers.Store }

func (anyContainer) Get(_ context.Context, id string) (containers.Container, error) {
	return containers.Container{ID: id}, nil
}

// The supervisor looks after more than builds: it does not wait for ever for a step that
// hangs in the kernel.
func TestAStepThatCannotBeKilledIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &unkillable{}
		raw, err := client.New("", client.WithServices(
			client.WithTaskClient(engine), client.WithContainerStore(anyContainer{})))
		if err != nil {
			t.Fatal(err)
		}
		err = (&Client{raw: raw}).removeStep(t.Context(), "step")
		if !errors.Is(err, errUnkillable) || !engine.killed {
			t.Errorf("killed: %v, %v", engine.killed, err)
		}
	})
}
