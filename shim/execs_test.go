package shim

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/containerd/api/types/task"
	runc "github.com/containerd/go-runc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gocompose/gocompose/shim/options"
)

const execID = options.ExecPrefix + "one"

// fakeExecs is an inner service that runs a shell command where runc would run the
// program.
type fakeExecs struct {
	taskapi.TTRPCTaskService
	outlets *outlets
	script  string

	added   *taskapi.ExecProcessRequest
	process *exec.Cmd
	exited  chan struct{}
	deleted chan struct{}
}

func (f *fakeExecs) Exec(_ context.Context, r *taskapi.ExecProcessRequest) (*emptypb.Empty, error) {
	f.added = r
	return &emptypb.Empty{}, nil
}

func (f *fakeExecs) Start(_ context.Context, r *taskapi.StartRequest) (*taskapi.StartResponse, error) {
	c := exec.Command("runc", "--root", "/nowhere", "exec", "--process", "p", "--detach", "--pid-file", "/bundle/"+r.ExecID+".pid", r.ID)
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	c.Stdout, c.Stderr = null, null
	_, err = f.outlets.StartLocked(c)
	return &taskapi.StartResponse{}, err
}

// execRuns are the runs of runc.
type execRuns struct {
	runc.ProcessMonitor // of what is not used
	fake                *fakeExecs
}

// StartLocked is the only one.
func (r execRuns) StartLocked(c *exec.Cmd) (chan runc.Exit, error) {
	f := r.fake
	f.process = exec.Command("/bin/sh", "-c", f.script)
	f.process.Stdin, f.process.Stdout, f.process.Stderr = c.Stdin, c.Stdout, c.Stderr
	f.process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := f.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(f.exited)
		_ = f.process.Wait() // its state is looked at
	}()
	return nil, nil
}

func (f *fakeExecs) State(context.Context, *taskapi.StateRequest) (*taskapi.StateResponse, error) {
	st := &taskapi.StateResponse{Pid: uint32(f.process.Process.Pid), Status: task.Status_RUNNING}
	select {
	case <-f.exited:
		st.Status = task.Status_STOPPED
	default:
	}
	return st, nil
}

func (f *fakeExecs) CloseIO(context.Context, *taskapi.CloseIORequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (f *fakeExecs) Wait(ctx context.Context, _ *taskapi.WaitRequest) (*taskapi.WaitResponse, error) {
	select {
	case <-f.exited:
		return &taskapi.WaitResponse{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *fakeExecs) Delete(context.Context, *taskapi.DeleteRequest) (*taskapi.DeleteResponse, error) {
	close(f.deleted)
	return &taskapi.DeleteResponse{}, nil
}

// execRig is a service with a program to be run in a container, and the FIFOs of
// who runs it.
type execRig struct {
	*service
	t              *testing.T
	inner          *fakeExecs
	dir            string
	in, out, alive *os.File
}

func newExecRig(t *testing.T, script string) *execRig {
	t.Helper()
	hearHangups()
	inner := &fakeExecs{script: script, exited: make(chan struct{}), deleted: make(chan struct{})}
	s := newService(execRuns{fake: inner})
	s.TTRPCTaskService, inner.outlets = inner, s.outlets
	r := &execRig{service: s, t: t, inner: inner, dir: t.TempDir()}
	r.in, r.out, r.alive = r.fifo("in", os.O_RDWR), r.fifo("out", os.O_RDONLY), r.fifo(options.AliveFile, os.O_RDWR)
	t.Cleanup(func() {
		if err := s.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *execRig) fifo(name string, how int) *os.File {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := unix.Mkfifo(path, 0o600); err != nil {
		r.t.Fatal(err)
	}
	f, err := os.OpenFile(path, how|unix.O_NONBLOCK, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { f.Close() })
	return f
}

func (r *execRig) start(request *taskapi.ExecProcessRequest) {
	r.t.Helper()
	request.ID, request.ExecID = id, execID
	if _, err := r.Exec(r.t.Context(), request); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.Start(r.t.Context(), &taskapi.StartRequest{ID: id, ExecID: execID}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *execRig) piped() *taskapi.ExecProcessRequest {
	return &taskapi.ExecProcessRequest{Stdin: filepath.Join(r.dir, "in"), Stdout: filepath.Join(r.dir, "out"), Stderr: filepath.Join(r.dir, "out")}
}

func (r *execRig) await(c chan struct{}, what string) {
	r.t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		r.t.Fatal("not yet: ", what)
	}
}

func TestAProgramGetsItsStreamsItself(t *testing.T) {
	r := newExecRig(t, "tr a-z A-Z; echo end >&2")
	r.start(r.piped())
	if r.inner.added.Stdin+r.inner.added.Stdout+r.inner.added.Stderr != "" {
		t.Errorf("the inner service copies: %v", r.inner.added)
	}
	sent := strings.Repeat("all of it ", 1<<15)
	go func() {
		_, _ = io.WriteString(r.in, sent) // what is missing shows
		_ = r.in.Close()                  // is the program's end of input: nobody else has it open
	}()
	got, err := io.ReadAll(r.out)
	if err != nil || string(got) != strings.ToUpper(sent)+"end\n" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Whoever has started a program is gone, however that came.
func TestWhoIsGoneHangsUp(t *testing.T) {
	r := newExecRig(t, "echo begun; exec sleep 1000")
	r.start(r.piped())
	if _, err := io.ReadFull(r.out, make([]byte, len("begun\n"))); err != nil {
		t.Fatal(err)
	}
	r.alive.Close()
	r.await(r.inner.deleted, "taken away")
	if ws := r.inner.process.ProcessState.Sys().(syscall.WaitStatus); ws.Signal() != syscall.SIGHUP {
		t.Errorf("it has ended by %v", ws.Signal())
	}
}

// What a program leaves behind is no affair of who has run it.
func TestNobodyHangsUpOnWhatHasEnded(t *testing.T) {
	r := newExecRig(t, "sleep 1000 >/dev/null 2>&1 </dev/null & echo $!")
	r.start(r.piped())
	r.await(r.inner.exited, "ended")
	line, err := io.ReadAll(r.out)
	if err != nil {
		t.Fatal(err)
	}
	r.alive.Close()
	r.await(r.inner.deleted, "taken away")
	left := "/proc/" + strings.TrimSpace(string(line))
	if _, err := os.Stat(left); err != nil {
		t.Errorf("what it has started has been hung up on: %v", err)
	}
	_ = unix.Kill(-r.inner.process.Process.Pid, unix.SIGKILL)
}

func (r *execRig) detached() *taskapi.ExecProcessRequest {
	return &taskapi.ExecProcessRequest{Stdout: filepath.Join(r.dir, options.DetachedFile)}
}

func TestADetachedProgramCanPrintAndGoesOn(t *testing.T) {
	r := newExecRig(t, "")
	r.inner.script = "read line <" + filepath.Join(r.dir, "in") + "; echo unheard && echo unheard >&2"
	r.start(r.detached())
	r.alive.Close()
	if _, err := io.WriteString(r.in, "go on\n"); err != nil {
		t.Fatal(err)
	}
	r.await(r.inner.deleted, "taken away")
	if st := r.inner.process.ProcessState; st.ExitCode() != 0 {
		t.Errorf("it has ended: %v", st)
	}
}

// The engine asks for it once more before it says that it is started.
func TestADetachedProgramThatEndsAtOnceIsThereUntilItsStartIsOver(t *testing.T) {
	r := newExecRig(t, "true")
	r.start(r.detached())
	r.await(r.inner.exited, "ended")
	if err := r.alive.SetWriteDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// More than the FIFO holds is written when the shim reads, so it waits for the end.
	if _, err := r.alive.Write(make([]byte, 1<<18)); err != nil {
		t.Errorf("the shim does not wait: %v", err)
	}
	select {
	case <-r.inner.deleted:
		t.Error("taken away too early")
	default:
	}
	r.alive.Close()
	r.await(r.inner.deleted, "taken away")
}

// Who was to read was killed before the start.
func TestAProgramIsNotStartedForNobody(t *testing.T) {
	r := newExecRig(t, "true")
	r.out.Close()
	request := r.piped()
	request.ID, request.ExecID = id, execID
	if _, err := r.Exec(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Start(t.Context(), &taskapi.StartRequest{ID: id, ExecID: execID}); !errors.Is(err, unix.ENXIO) {
		t.Errorf("%v", err)
	}
}

func TestProgramsOfOthersAreTheInnerServices(t *testing.T) {
	r := newExecRig(t, "true")
	if _, err := r.Exec(t.Context(), &taskapi.ExecProcessRequest{ID: id, ExecID: "other", Stdout: "/a"}); err != nil {
		t.Fatal(err)
	}
	if r.inner.added.Stdout != "/a" || len(r.execs) != 0 {
		t.Errorf("%v, %v", r.inner.added, r.execs)
	}
	terminal := &taskapi.ExecProcessRequest{ID: id, ExecID: execID, Terminal: true, Stdout: "/a/out"}
	if _, err := r.Exec(t.Context(), terminal); err != nil {
		t.Fatal(err)
	}
	if r.inner.added.Stdout != "/a/out" || r.execs[execID].alive != "/a/"+options.AliveFile {
		t.Errorf("of a terminal: %v, %v", r.inner.added, r.execs)
	}
}
