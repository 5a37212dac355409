package shim

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	eventstypes "github.com/containerd/containerd/api/events"
	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/containerd/v2/core/events"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/options"
	"github.com/gocompose/gocompose/shim/state"
)

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
	o := options.Options{Dir: dir, Events: filepath.Join(t.TempDir(), "events")}
	keepSubject(t, dir)
	status := stopStatus(137)
	if err := recordStop(o, status); err != nil {
		t.Errorf("never started: %v", err)
	}
	if err := state.Write(dir, state.State{Running: true, Pid: 7}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := recordStop(o, status); err != nil {
			t.Fatal(err)
		}
		status.ExitStatus = 1 // a recorded exit stays
	}
	if st, err := state.Read(dir); err != nil || st.Running || st.ExitCode != 137 || st.Pid != 7 {
		t.Errorf("state %+v, %v", st, err)
	}
	if got := noted(t, o); got != "die exitCode=137" {
		t.Errorf("noted: %s", got)
	}
}
