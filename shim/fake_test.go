package shim

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"

	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/containerd/api/types/task"
	runc "github.com/containerd/go-runc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// fakeRunc is an inner service with one container, which prints what a test
// makes it print. Like the real one it runs runc in Create, which here is the
// fake too and keeps the output that it gets; of a terminal it opens the output
// itself, and in Delete waits until it is closed as long as it may.
type fakeRunc struct {
	taskapi.TTRPCTaskService
	outlets   *outlets
	terminal  bool
	in        *os.File // what a container without a terminal gets as its standard input
	out, err  *os.File
	createErr error
	startErr  error
	started   func() // called in Start

	mu      sync.Mutex
	stdin   string
	stdout  string
	exited  chan struct{}
	exit    *taskapi.WaitResponse
	closed  chan struct{} // nobody has the output open any more
	deletes int
}

func newFakeRunc() *fakeRunc {
	return &fakeRunc{exited: make(chan struct{}), closed: make(chan struct{})}
}

func (f *fakeRunc) Create(_ context.Context, r *taskapi.CreateTaskRequest) (*taskapi.CreateTaskResponse, error) {
	f.stdin, f.stdout = r.Stdin, r.Stdout
	if f.createErr != nil {
		return nil, f.createErr
	}
	var err error
	if f.terminal = r.Terminal; r.Stdout != "" {
		f.out, err = os.OpenFile(r.Stdout, os.O_WRONLY, 0)
	} else {
		_, err = f.outlets.StartLocked(exec.Command("runc", "--root", "/nowhere", "create", "--bundle", r.Bundle, r.ID))
	}
	return &taskapi.CreateTaskResponse{Pid: 4_194_305}, err
}

// runs are the runs of runc, which keeps what it gets as a process does.
type runs struct {
	runc.ProcessMonitor // of what is not used
	fake                *fakeRunc
}

func (r runs) StartLocked(c *exec.Cmd) (chan runc.Exit, error) {
	var err error
	if c.Stdin != nil {
		if r.fake.in, err = duplicate(c.Stdin); err != nil {
			return nil, err
		}
	}
	if r.fake.out, err = duplicate(c.Stdout); err == nil {
		r.fake.err, err = duplicate(c.Stderr)
	}
	return nil, err
}

func duplicate(w any) (*os.File, error) {
	f, ok := w.(*os.File)
	if !ok {
		return nil, errors.New("no output")
	}
	fd, err := unix.Dup(int(f.Fd()))
	return os.NewFile(uintptr(fd), f.Name()), err
}

func (f *fakeRunc) Start(context.Context, *taskapi.StartRequest) (*taskapi.StartResponse, error) {
	if f.started != nil {
		f.started()
	}
	return &taskapi.StartResponse{Pid: 4_194_305}, f.startErr
}

func (f *fakeRunc) State(context.Context, *taskapi.StateRequest) (*taskapi.StateResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := &taskapi.StateResponse{Stdout: f.stdout, Status: task.Status_RUNNING}
	if f.exit != nil {
		st.Status = task.Status_STOPPED
	}
	return st, nil
}

func (f *fakeRunc) Wait(ctx context.Context, _ *taskapi.WaitRequest) (*taskapi.WaitResponse, error) {
	select {
	case <-f.exited:
		return f.exit, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *fakeRunc) Delete(ctx context.Context, _ *taskapi.DeleteRequest) (*taskapi.DeleteResponse, error) {
	f.mu.Lock()
	f.deletes++
	f.mu.Unlock()
	if !f.terminal {
		return &taskapi.DeleteResponse{ExitStatus: f.exit.ExitStatus}, nil
	}
	select {
	case <-f.closed:
	case <-ctx.Done():
		f.closeOutput()
		return nil, ctx.Err()
	}
	return &taskapi.DeleteResponse{ExitStatus: f.exit.ExitStatus}, nil
}

// finish is the end of the container's first process.
func (f *fakeRunc) finish(code uint32) {
	f.mu.Lock()
	f.exit = &taskapi.WaitResponse{ExitStatus: code, ExitedAt: timestamppb.Now()}
	f.mu.Unlock()
	close(f.exited)
}

func (f *fakeRunc) closeOutput() {
	f.out.Close()
	if f.err != nil {
		f.err.Close()
	}
	close(f.closed)
}
