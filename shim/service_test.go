package shim

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	eventstypes "github.com/containerd/containerd/api/events"
	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/events"
	runc "github.com/containerd/go-runc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/options"
	"github.com/gocompose/gocompose/shim/state"
)

// fakeRunc is an inner service with one container, which prints what a test
// makes it print. Like the real one it runs runc in Create, which here is the
// fake too and keeps the output that it gets; of a terminal it opens the output
// itself, and in Delete waits until it is closed as long as it may.
type fakeRunc struct {
	taskapi.TTRPCTaskService
	outlets   *outlets
	terminal  bool
	out, err  *os.File
	createErr error
	startErr  error
	started   func() // called in Start

	mu      sync.Mutex
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
	f.stdout = r.Stdout
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
	if r.fake.out, err = duplicate(c.Stdout); err == nil {
		r.fake.err, err = duplicate(c.Stderr)
	}
	return nil, err
}

func duplicate(w io.Writer) (*os.File, error) {
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

// rig is a service around a fake one, with one container.
type rig struct {
	*service
	t       *testing.T
	inner   *fakeRunc
	options options.Options
	bundle  string

	terminal bool
}

func newRig(t *testing.T) *rig {
	inner := newFakeRunc()
	r := &rig{newService(runs{fake: inner}), t, inner, options.Options{Dir: t.TempDir(), Driver: options.JSONFile}, t.TempDir(), false}
	r.service.TTRPCTaskService, inner.outlets = inner, r.outlets
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := r.close(ctx); err != nil {
			t.Error("closing service:", err)
		}
	})
	return r
}

const id = "p-web-1.abc"

func (r *rig) create() {
	r.t.Helper()
	uri := r.options.URI()
	_, err := r.Create(r.t.Context(), &taskapi.CreateTaskRequest{ID: id, Bundle: r.bundle, Stdout: uri, Stderr: uri, Terminal: r.terminal})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) start() {
	r.t.Helper()
	r.create()
	if _, err := r.Start(r.t.Context(), &taskapi.StartRequest{ID: id}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) print(f *os.File, s string) {
	r.t.Helper()
	if _, err := f.WriteString(s); err != nil {
		r.t.Fatal(err)
	}
}

// log is what has been logged, each line behind its stream's name.
func (r *rig) log() string {
	r.t.Helper()
	var b strings.Builder
	err := logs.Read(r.t.Context(), logs.Source{Dir: r.options.Dir}, logs.Query{Tail: -1}, func(e logs.Entry) error {
		b.WriteString(string(e.Stream) + ":" + string(e.Line) + "\n")
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return b.String()
}

func (r *rig) delete() {
	r.t.Helper()
	if _, err := r.Delete(r.t.Context(), &taskapi.DeleteRequest{ID: id}); err != nil {
		r.t.Fatal(err)
	}
}

func TestLogAndStateAreCompleteWhenWaitReturns(t *testing.T) {
	r := newRig(t)
	r.start()
	st, err := state.Read(r.options.Dir)
	if err != nil || !st.Running || st.Pid != 4_194_305 || time.Since(st.StartedAt) > time.Minute {
		t.Errorf("after the start %+v, %v", st, err)
	}
	r.print(r.inner.err, "a warning\n")
	lines := strings.Repeat("line\n", 30_000)
	go func() {
		r.inner.finish(3)
		r.inner.out.WriteString(lines + "last words")
		r.inner.closeOutput()
	}()
	if _, err := r.Wait(t.Context(), &taskapi.WaitRequest{ID: id}); err != nil {
		t.Fatal(err)
	}
	st, err = state.Read(r.options.Dir)
	if err != nil || st.Running || st.ExitCode != 3 || st.ExitedAt.IsZero() || st.StartedAt.IsZero() {
		t.Errorf("after the exit %+v, %v", st, err)
	}
	if got := r.log(); strings.Count(got, "stdout:line\n") != 30_000 || !strings.Contains(got, "stderr:a warning\n") || !strings.Contains(got, "stdout:last words\n") {
		t.Errorf("%d bytes of log", len(got))
	}
	r.delete()
	if r.inner.deletes != 1 {
		t.Errorf("%d deletes", r.inner.deletes)
	}
}

func TestTheExitEventComesAfterStateAndLog(t *testing.T) {
	r := newRig(t)
	r.start()
	published := make(chan string, 2)
	p := settling{publisherFunc(func(topic string) { published <- topic + " " + r.log() }), r.service}
	go func() { _ = p.Publish(context.Background(), "exit", &eventstypes.TaskExit{ContainerID: id, ID: id}) }()
	_ = p.Publish(t.Context(), "exec exit", &eventstypes.TaskExit{ContainerID: id, ID: "exec"})
	if got := <-published; got != "exec exit " {
		t.Errorf("first %q", got)
	}
	r.inner.finish(0)
	r.print(r.inner.out, "bye\n")
	r.inner.closeOutput()
	if got := <-published; got != "exit stdout:bye\n" {
		t.Errorf("then %q", got)
	}
	r.delete()
}

// publisherFunc is a publisher that tells a function of topics.
type publisherFunc func(topic string)

func (f publisherFunc) Publish(_ context.Context, topic string, _ events.Event) error {
	f(topic)
	return nil
}
func (publisherFunc) Close() error { return nil }

func TestOutputThatStaysOpenDoesNotHoldUpDelete(t *testing.T) {
	for terminal, deletes := range map[bool]int{false: 1, true: 2} { // of a terminal the second one closes the output
		r := newRig(t)
		r.terminal = terminal
		r.start()
		r.print(r.inner.out, "before the exit\n")
		r.inner.finish(0)
		r.delete()
		if got := r.log(); got != "stdout:before the exit\n" {
			t.Errorf("terminal %v: log %q", terminal, got)
		}
		if r.inner.deletes != deletes {
			t.Errorf("terminal %v: %d deletes", terminal, r.inner.deletes)
		}
	}
}

// TestWhatAShimLeftUnreadIsRescued: the shim is killed between the reading and
// the writing of what a container has printed; the container prints more, and
// ends.
func TestWhatAShimLeftUnreadIsRescued(t *testing.T) {
	o := options.Options{Dir: t.TempDir(), Driver: options.JSONFile}
	bundle := t.TempDir()
	var killed []*tap
	var container []*os.File
	for _, stream := range streamsOf(false) {
		tap, err := makeTap(stream, fifo(bundle, stream))
		if err != nil {
			t.Fatal(err)
		}
		out, err := tap.outlet()
		if err != nil {
			t.Fatal(err)
		}
		killed, container = append(killed, tap), append(container, out)
	}
	for i, out := range container {
		if _, err := out.WriteString("read\n"); err != nil {
			t.Fatal(err)
		}
		if n, err := killed[i].Read(make([]byte, 100)); n != 5 || err != nil {
			t.Fatal(n, err)
		}
		if err := killed[i].Close(); err != nil { // as the kernel does
			t.Fatal(err)
		}
		if _, err := out.WriteString("unread\n"); err != nil { // nobody reads, and yet no EPIPE
			t.Fatal(err)
		}
	}
	rest, err := openRescue(o, bundle)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range container {
		out.Close()
	}
	if err := rest.finish(); err != nil {
		t.Fatal(err)
	}
	r := rig{t: t, options: o}
	if got, want := r.log(), "stdout:read\nstdout:unread\nstderr:read\nstderr:unread\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
}

func TestWhatIsAcknowledgedIsNotReadAgain(t *testing.T) {
	tap, err := makeTap(logs.Stdout, filepath.Join(t.TempDir(), "fifo"))
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	r := rig{t: t}
	r.print(tap.writer, "abcdef")
	buf := make([]byte, 3)
	for _, want := range []string{"abc", "def"} {
		n, err := tap.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Fatalf("read %q, %v; want %q", buf[:n], err, want)
		}
		if err := tap.Ack(n); err != nil {
			t.Fatal(err)
		}
	}
	if err := tap.release(); err != nil {
		t.Fatal(err)
	}
	if _, err := tap.Read(buf); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestAnExitBeforeTheStartReturnsIsRecordedLast(t *testing.T) {
	r := newRig(t)
	r.inner.started = func() {
		r.inner.finish(1)
		r.inner.closeOutput()
	}
	r.start()
	if _, err := r.Wait(t.Context(), &taskapi.WaitRequest{ID: id}); err != nil {
		t.Fatal(err)
	}
	if st, err := state.Read(r.options.Dir); err != nil || st.Running || st.ExitCode != 1 {
		t.Errorf("state %+v, %v", st, err)
	}
	r.delete()
}

func TestAFailedStartIsNoRun(t *testing.T) {
	r := newRig(t)
	r.inner.startErr = errors.New("no such file")
	r.create()
	if _, err := r.Start(t.Context(), &taskapi.StartRequest{ID: id}); !errors.Is(err, r.inner.startErr) {
		t.Errorf("error %v", err)
	}
	r.inner.finish(1)
	r.inner.closeOutput()
	r.delete()
	if _, err := state.Read(r.options.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("state: %v", err)
	}
}

func TestAFailedCreateLeavesNothingOpen(t *testing.T) {
	r := newRig(t)
	r.inner.createErr = errors.New("no rootfs")
	before := openFiles(t)
	uri := r.options.URI()
	for range 3 { // in the same bundle
		_, err := r.Create(t.Context(), &taskapi.CreateTaskRequest{ID: id, Bundle: r.bundle, Stdout: uri})
		if !errors.Is(err, r.inner.createErr) {
			t.Errorf("error %v", err)
		}
	}
	if after := openFiles(t); after > before+1 { // the poller's own
		t.Errorf("%d files are open, %d were", after, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func TestStdioThatIsNotOursPassesThrough(t *testing.T) {
	r := newRig(t)
	fifo := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(fifo, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Create(t.Context(), &taskapi.CreateTaskRequest{ID: id, Bundle: r.bundle, Stdout: fifo}); err != nil {
		t.Fatal(err)
	}
	if r.inner.stdout != fifo {
		t.Errorf("inner stdout %q", r.inner.stdout)
	}
	files, err := os.ReadDir(r.bundle)
	if err != nil || len(files) > 0 {
		t.Errorf("bundle %v, %v", files, err)
	}
}

func TestStateTellsClientsTheirOwnStdio(t *testing.T) {
	r := newRig(t)
	r.start()
	st, err := r.State(t.Context(), &taskapi.StateRequest{ID: id})
	if err != nil || st.Stdout != r.options.URI() {
		t.Errorf("stdout %q, %v", st.GetStdout(), err)
	}
	r.inner.finish(0)
	r.inner.closeOutput()
	r.delete()
}

func TestDriverNoneReadsAndKeepsNothing(t *testing.T) {
	r := newRig(t)
	r.options.Driver = options.None
	r.start()
	r.print(r.inner.out, strings.Repeat("x", 1<<20)) // more than a FIFO holds
	r.inner.finish(0)
	r.inner.closeOutput()
	r.delete()
	files, err := os.ReadDir(r.options.Dir)
	if err != nil || len(files) != 1 || files[0].Name() != "state.json" {
		t.Errorf("folder %v, %v", files, err)
	}
}

func TestATerminalHasOneStream(t *testing.T) {
	r := newRig(t)
	_, err := r.Create(t.Context(), &taskapi.CreateTaskRequest{ID: id, Bundle: r.bundle, Stdout: r.options.URI(), Terminal: true})
	if err != nil {
		t.Fatal(err)
	}
	if r.inner.err != nil {
		t.Error("stderr was opened")
	}
	r.print(r.inner.out, "$ \r\n")
	r.inner.finish(0)
	r.inner.closeOutput()
	r.delete()
	if got := r.log(); got != "stdout:$ \r\n" {
		t.Errorf("log %q", got)
	}
}

func TestCleaningUpAfterADeadShimRecordsTheEnd(t *testing.T) {
	dir := t.TempDir()
	status := stopStatus(137)
	if err := recordStop(dir, status); err != nil {
		t.Errorf("never started: %v", err)
	}
	if err := state.Write(dir, state.State{Running: true, Pid: 7}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := recordStop(dir, status); err != nil {
			t.Fatal(err)
		}
		status.ExitStatus = 1 // a recorded exit stays
	}
	if st, err := state.Read(dir); err != nil || st.Running || st.ExitCode != 137 || st.Pid != 7 {
		t.Errorf("state %+v, %v", st, err)
	}
}
