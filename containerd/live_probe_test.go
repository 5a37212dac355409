//go:build live

package containerd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/containerd/api/services/tasks/v1"
	client "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/containerd"
)

// probe is the ID of the program that tests a container.
const probe = "gocompose-probe"

func prober(t testing.TB, c *containerd.Client, id string) *containerd.Prober {
	t.Helper()
	p, err := c.Prober(t.Context(), id, filepath.Join(t.TempDir(), "probes", id))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func testOf(script string) containerd.Test {
	return containerd.Test{Args: []string{"sh", "-c", script}, Timeout: 20 * time.Second, MaxOutput: 4096}
}

// noneLeft fails the test when a test of the container is left in the engine.
func noneLeft(t testing.TB, c *containerd.Client, id string) {
	t.Helper()
	_, err := c.Raw().TaskService().Get(context.WithoutCancel(t.Context()), &tasks.GetRequest{ContainerID: id, ExecID: probe})
	if !errdefs.IsNotFound(errgrpc.ToNative(err)) {
		t.Errorf("a test is left: %v", err)
	}
}

// runsIn tells whether a process of the container has the argument.
func runsIn(t testing.TB, c *containerd.Client, id, argument string) bool {
	t.Helper()
	r, err := c.Raw().TaskService().ListPids(t.Context(), &tasks.ListPidsRequest{ContainerID: id})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Processes {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.Pid)) // it may be gone
		if strings.Contains(string(line), "\x00"+argument) {
			return true
		}
	}
	return false
}

func TestATestRunsAsTheContainerDoes(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.t", "true"+wait)
	req.Spec.User, req.Spec.WorkingDir, req.Spec.Env = "app", "/etc", map[string]string{"GREETING": "hello"}
	report(t, c, req)
	p := prober(t, c, req.ID)
	r, err := p.Run(t.Context(), testOf("id -u; pwd; echo $GREETING; cat /proc/self/status"))
	if err != nil || r.ExitCode != 0 || r.TimedOut {
		t.Fatalf("%+v, %v", r, err)
	}
	if !strings.HasPrefix(r.Output, "1000\n/etc\nhello\n") {
		t.Errorf("output %q", r.Output)
	}
	for _, line := range []string{"CapEff:\t0000000000000000", "CapBnd:\t00000000a80425fb", "Seccomp:\t2", "NoNewPrivs:\t0"} {
		if !strings.Contains(r.Output, line) {
			t.Errorf("no %q in %q", line, r.Output)
		}
	}
	noneLeft(t, c, req.ID)
}

func TestAResultIsTheExitCodeAndTheOutput(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.r", "true"+wait)
	report(t, c, req)
	p := prober(t, c, req.ID)
	for _, tt := range []struct {
		name   string
		test   containerd.Test
		want   int
		output string
	}{
		{"success", testOf("true"), 0, ""},
		{"failure", testOf("echo cold >&2; exit 3"), 3, "cold\n"},
		{"more output than is kept", testOf("i=0; while [ $i -lt 20000 ]; do echo 0123456789012345; i=$((i+1)); done; exit 4"), 4, strings.Repeat("0123456789012345\n", 241)[:4096]},
		{"something that it leaves behind prints", testOf("sleep 200 & echo left"), 0, "left\n"},
		{"killed", testOf("kill -9 $$"), 137, ""},
		{"no such program", containerd.Test{Args: []string{"none"}, Timeout: time.Minute, MaxOutput: 4096}, 127, `executable "none" not found in the image's PATH`},
		{"no program", containerd.Test{Args: []string{"/etc/plain"}, Timeout: time.Minute, MaxOutput: 4096}, 126, `"/etc/plain" may not be executed: permission denied`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := p.Run(t.Context(), tt.test)
			if err != nil || r.TimedOut || r.ExitCode != tt.want || r.Output != tt.output {
				t.Errorf("%+v, %v; want exit code %d, output %q", r, err, tt.want, tt.output)
			}
			noneLeft(t, c, req.ID)
		})
	}
}

func TestATestWhoseTimeIsOverIsKilledWithWhatItHasStarted(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.o", "true"+wait)
	report(t, c, req)
	test := testOf("echo patience; sleep 4321 & sleep 4321")
	test.Timeout = 300 * time.Millisecond
	r, err := prober(t, c, req.ID).Run(t.Context(), test)
	if err != nil || !r.TimedOut || r.ExitCode != -1 || r.Output != "patience\n" {
		t.Errorf("%+v, %v", r, err)
	}
	noneLeft(t, c, req.ID)
	eventually(t, "all that the test has started is gone", func() bool { return !runsIn(t, c, req.ID, "4321") })
}

func TestACancelledTestIsTakenAway(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.c", "true"+wait)
	report(t, c, req)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	if r, err := prober(t, c, req.ID).Run(ctx, testOf("sleep 4321")); !errors.Is(err, context.Canceled) && !errdefs.IsCanceled(err) {
		t.Errorf("%+v, %v", r, err)
	}
	noneLeft(t, c, req.ID)
	eventually(t, "the test is gone", func() bool { return !runsIn(t, c, req.ID, "4321") })
}

func TestATestThatAKilledProcessLeftIsTakenAwayByTheNext(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.l", "true"+wait)
	report(t, c, req)
	leave := func(start func(client.Process) error) {
		t.Helper()
		container, err := c.Raw().LoadContainer(t.Context(), req.ID)
		if err != nil {
			t.Fatal(err)
		}
		task, err := container.Task(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		process, err := task.Exec(t.Context(), probe,
			&specs.Process{Args: []string{"sleep", "4321"}, Cwd: "/", Env: []string{"PATH=/bin"}}, cio.NullIO)
		if err == nil {
			err = start(process)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p := prober(t, c, req.ID)
	for name, start := range map[string]func(client.Process) error{
		"made":    func(client.Process) error { return nil },
		"started": func(p client.Process) error { return p.Start(t.Context()) },
	} {
		leave(start)
		if r, err := p.Run(t.Context(), testOf("echo new")); err != nil || r.ExitCode != 0 || r.Output != "new\n" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		noneLeft(t, c, req.ID)
		eventually(t, "the test is gone", func() bool { return !runsIn(t, c, req.ID, "4321") })
	}
}

func TestWhatDoesNotRunIsNotTested(t *testing.T) {
	c := engine(t)
	ctx := t.Context()
	req := request("shop-web-1.n", "true"+wait)
	create(t, c, req)
	p := prober(t, c, req.ID)
	if r, err := p.Run(ctx, testOf("true")); !errors.Is(err, containerd.ErrNotRunning) {
		t.Errorf("never started: %+v, %v", r, err)
	}
	if err := errors.Join(c.PauseTask(ctx, req.ID), c.ResumeTask(ctx, req.ID)); !errors.Is(err, containerd.ErrNotRunning) {
		t.Errorf("pausing and resuming: %v", err)
	}
	if err := c.StartTask(ctx, req.ID, containerd.StartRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := c.ResumeTask(ctx, req.ID); !errors.Is(err, containerd.ErrNotPaused) {
		t.Errorf("resuming what runs: %v", err)
	}
	events, err := c.Events(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.PauseTask(ctx, req.ID); err != nil {
		t.Fatal(err)
	}
	if got := <-events; got.ID != req.ID || got.Kind != containerd.EventPaused || got.At.IsZero() {
		t.Errorf("event %+v", got)
	}
	if err := c.PauseTask(ctx, req.ID); !errors.Is(err, containerd.ErrPaused) {
		t.Errorf("pausing what is paused: %v", err)
	}
	if r, err := p.Run(ctx, testOf("true")); !errors.Is(err, containerd.ErrPaused) {
		t.Errorf("paused: %+v, %v", r, err)
	}
	if err := c.ResumeTask(ctx, req.ID); err != nil {
		t.Fatal(err)
	}
	if got := <-events; got.ID != req.ID || got.Kind != containerd.EventResumed {
		t.Errorf("event %+v", got)
	}
	if r, err := p.Run(ctx, testOf("true")); err != nil || r.ExitCode != 0 {
		t.Errorf("going on: %+v, %v", r, err)
	}
	// No event of a test comes in between.
	if err := c.KillTask(ctx, req.ID, "KILL"); err != nil {
		t.Fatal(err)
	}
	if got := <-events; got.ID != req.ID || got.Kind != containerd.EventExited || got.Code != 137 {
		t.Errorf("event %+v", got)
	}
	if r, err := p.Run(ctx, testOf("true")); !errors.Is(err, containerd.ErrNotRunning) {
		t.Errorf("ended: %+v, %v", r, err)
	}
	if err := c.StopTask(ctx, req.ID, containerd.StopRequest{}); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkProbe tells the milliseconds of a test, and those of the processor
// that the caller, the engine and its shim spend on it.
func BenchmarkProbe(b *testing.B) {
	c := engine(b)
	req := request("bench-web-1.p", "sleep 1000")
	run(b, c, req)
	p := prober(b, c, req.ID)
	test := containerd.Test{Args: []string{"true"}, Timeout: time.Minute, MaxOutput: 4096}
	before := processorTime(b)
	for b.Loop() {
		if r, err := p.Run(b.Context(), test); err != nil || r.ExitCode != 0 {
			b.Fatalf("%+v, %v", r, err)
		}
	}
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/1000/float64(b.N), "own-cpu-ms/op")
}

// processorTime is what this process has used, its children not included.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
