package containerd

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/v2/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// hurried is an engine whose clock is ahead: it says that a deadline is over
// before the one who set it knows. Its process ends only when it is killed.
type hurried struct {
	tasks.TasksClient
	signals []syscall.Signal
}

func (h *hurried) Kill(_ context.Context, r *tasks.KillRequest, _ ...grpc.CallOption) (*emptypb.Empty, error) {
	h.signals = append(h.signals, syscall.Signal(r.Signal))
	return &emptypb.Empty{}, nil
}

func (h *hurried) Wait(ctx context.Context, _ *tasks.WaitRequest, _ ...grpc.CallOption) (*tasks.WaitResponse, error) {
	if slices.Contains(h.signals, syscall.SIGKILL) {
		return &tasks.WaitResponse{}, nil
	}
	deadline, _ := ctx.Deadline()
	time.Sleep(time.Until(deadline) - time.Millisecond)
	return nil, status.Error(codes.DeadlineExceeded, "stream terminated by RST_STREAM with error code: CANCEL")
}

func hurriedClient(t *testing.T) (*Client, *hurried) {
	engine := &hurried{}
	raw, err := client.New("", client.WithServices(client.WithTaskClient(engine)))
	if err != nil {
		t.Fatal(err)
	}
	return &Client{raw: raw}, engine
}

func TestWhoOutlivesTheGraceIsKilledWhenTheEngineIsFirstToSaySo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, engine := hurriedClient(t)
		if err := c.end(t.Context(), "web", ending{signal: syscall.SIGTERM, grace: 10 * time.Second}); err != nil {
			t.Fatal(err)
		}
		if want := []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}; !slices.Equal(engine.signals, want) {
			t.Errorf("signals %v, want %v", engine.signals, want)
		}
	})
}

func TestNobodyIsKilledWhenTheTimeToStopIsOverBeforeTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, engine := hurriedClient(t)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := c.end(ctx, "web", ending{signal: syscall.SIGTERM, grace: 10 * time.Second})
		if err == nil || !slices.Equal(engine.signals, []syscall.Signal{syscall.SIGTERM}) {
			t.Errorf("error %v, signals %v", err, engine.signals)
		}
	})
}
