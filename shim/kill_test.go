package shim

import (
	"context"
	"errors"
	"os/exec"
	"syscall"
	"testing"

	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gocompose/gocompose/shim/state"
)

// killer is an inner service that counts what it is to kill.
type killer struct {
	taskapi.TTRPCTaskService
	asked int
}

func (k *killer) Kill(context.Context, *taskapi.KillRequest) (*emptypb.Empty, error) {
	k.asked++
	return &emptypb.Empty{}, nil
}

func TestASignalReachesTheProcessAtOnce(t *testing.T) {
	cmd := exec.Command("sleep", "1h")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	inner := &killer{}
	s := newService(nil)
	s.TTRPCTaskService = inner
	c := &container{process: cmd.Process}
	s.addContainer(id, c)
	kill := func(signal syscall.Signal, execID string) error {
		_, err := s.Kill(t.Context(), &taskapi.KillRequest{ID: id, ExecID: execID, Signal: uint32(signal)})
		return errgrpc.ToNative(err)
	}

	// Before its start, to another process, and for all: as ever.
	if err := kill(unix.SIGTERM, ""); err != nil || inner.asked != 1 {
		t.Errorf("before its start: %v, asked %d times", err, inner.asked)
	}
	c.state = state.State{Running: true}
	if err := errors.Join(kill(unix.SIGTERM, "an-exec"), kill(unix.SIGKILL, "")); err != nil || inner.asked != 3 {
		t.Errorf("an exec, and a kill: %v, asked %d times", err, inner.asked)
	}

	if err := kill(unix.SIGTERM, ""); err != nil || inner.asked != 3 {
		t.Errorf("%v, asked %d times", err, inner.asked)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGTERM {
		t.Errorf("it ended with %v", err)
	}
	if err := kill(unix.SIGTERM, ""); !errdefs.IsNotFound(err) {
		t.Errorf("a process that has ended: %v, want not found", err)
	}
}
