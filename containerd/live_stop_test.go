//go:build live

package containerd_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/containerd/ttrpc"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/enginetest"
	"github.com/gocompose/gocompose/planner"
)

func TestStopSendsTheSignalAndKillsAfterTheGrace(t *testing.T) {
	c := engine(t)
	const deaf = "trap '' TERM QUIT; touch /out/ready; while :; do sleep 100 & wait; done"
	for _, tt := range []struct {
		name, script, signal, imageSignal string
		grace                             time.Duration
		paused                            bool
		code                              uint32
	}{
		{name: "term", script: "true" + wait, grace: time.Minute, code: 3},
		{name: "forever", script: "true" + wait, grace: -1, code: 3},
		{name: "image", script: "trap 'exit 5' QUIT; true" + wait, imageSignal: "SIGQUIT", grace: time.Minute, code: 5},
		{name: "asked", script: "trap 'exit 6' HUP; true" + wait, imageSignal: "SIGQUIT", signal: "HUP", grace: time.Minute, code: 6},
		{name: "deaf", script: deaf, grace: 50 * time.Millisecond, code: 137},
		{name: "atonce", script: "true" + wait, grace: 0, code: 137},
		{name: "paused", script: "true" + wait, grace: -1, paused: true, code: 3},
		{name: "pausedatonce", script: "true" + wait, grace: 0, paused: true, code: 137},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events, err := c.Events(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			req := request("shop-"+tt.name+"-1.s", tt.script)
			req.Image.Config.StopSignal = tt.imageSignal
			report(t, c, req)
			if tt.paused {
				if _, err := c.Raw().TaskService().Pause(t.Context(), &tasks.PauseTaskRequest{ContainerID: req.ID}); err != nil {
					t.Fatal(err)
				}
				if got := look(t, c, req.ID).State; got != planner.StatePaused {
					t.Fatalf("state %s, want paused", got)
				}
			}
			stop := containerd.StopRequest{Signal: tt.signal, Grace: tt.grace}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := c.StopTask(ctx, req.ID, stop); err != nil {
				t.Fatal(err)
			}
			if got := exitIn(events); got.ID != req.ID || got.Code != tt.code || got.At.IsZero() {
				t.Errorf("exit %+v, want code %d of %s", got, tt.code, req.ID)
			}
			if look(t, c, req.ID).HasTask {
				t.Error("the task is still there")
			}
			if err := c.StopTask(t.Context(), req.ID, stop); err != nil {
				t.Errorf("stopping again: %v", err)
			}
		})
	}
}

func TestAllIsEnsured(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.e", "true"+strings.ReplaceAll(wait, "touch /out/ready", "true"))
	ctx, id := t.Context(), req.ID
	again := func(what string, do func() error) {
		t.Helper()
		for range 2 {
			if err := do(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	start := func() error { return c.StartTask(ctx, id, containerd.StartRequest{}) }
	stop := func() error { return c.StopTask(ctx, id, containerd.StopRequest{}) }
	again("create", func() error { return c.CreateContainer(ctx, req) })
	again("start", start)
	first := look(t, c, id).Pid
	if err := start(); err != nil || look(t, c, id).Pid != first {
		t.Errorf("a third start: %v, pid %d, want %d", err, look(t, c, id).Pid, first)
	}
	if err := c.RemoveContainer(ctx, id); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("removing what runs: %v", err)
	}
	if err := c.DeleteTask(ctx, id); err == nil || look(t, c, id).Pid != first {
		t.Errorf("deleting the task of what runs: %v", err)
	}
	again("stop", stop)
	again("start after stop", start)
	if second := look(t, c, id).Pid; second == first || second == 0 {
		t.Errorf("pid %d after %d, want another", second, first)
	}
	if err := c.KillTask(ctx, id, "KILL"); err != nil {
		t.Error(err)
	}
	if exit, err := c.WaitTask(ctx, id); err != nil || exit.Code != 137 {
		t.Errorf("exit %+v, %v, want 137", exit, err)
	}
	again("start over what ended by itself", start)
	if err := c.KillTask(ctx, id, "NONE"); err == nil {
		t.Error("there is a signal NONE")
	}
	again("stop", stop)
	if err := c.KillTask(ctx, id, "HUP"); !errdefs.IsNotFound(err) {
		t.Errorf("killing what does not run: %v, want NotFound", err)
	}
	again("delete the task", func() error { return c.DeleteTask(ctx, id) })
	again("remove", func() error { return c.RemoveContainer(ctx, id) })
	again("stop what is gone", stop)
}

func TestACommandThatCannotBeRunIsExplained(t *testing.T) {
	c := engine(t)
	for name, tt := range map[string]struct {
		command string
		code    int
		want    string
	}{
		"absent":     {"foo", 127, `executable "foo" not found in the image's PATH: check command and entrypoint`},
		"path":       {"/bin/foo", 127, `executable "/bin/foo" not found in the image`},
		"plain-file": {"/etc/plain", 126, `"/etc/plain" may not be executed: permission denied`},
		"folder":     {"/etc", 126, `"/etc"`},
	} {
		req := request("shop-"+name+"-1.x", "")
		req.Spec.Command = []string{tt.command}
		create(t, c, req)
		err := c.StartTask(t.Context(), req.ID, containerd.StartRequest{})
		var start *containerd.StartError
		if !errors.As(err, &start) || start.ExitCode != tt.code || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %d and %q", tt.command, err, tt.code, tt.want)
		}
		if look(t, c, req.ID).HasTask {
			t.Errorf("%s: a task is left", tt.command)
		}
	}
}

func TestAFailedCreateLeavesNothing(t *testing.T) {
	c := engine(t)
	for name, change := range map[string]func(*containerd.CreateRequest){
		"user":   func(r *containerd.CreateRequest) { r.Spec.User = "ghost" },
		"signal": func(r *containerd.CreateRequest) { r.Spec.StopSignal = "SIGNONE" },
		"sysctl": func(r *containerd.CreateRequest) { r.Spec.Sysctls = map[string]string{"vm.swappiness": "1"} },
		"image":  func(r *containerd.CreateRequest) { r.Image.ChainID = "none" },
	} {
		req := request("shop-"+name+"-1.f", "true")
		change(&req)
		if err := c.CreateContainer(t.Context(), req); err == nil {
			t.Errorf("%s: a container was made", name)
		}
	}
	leaveNothing(t, c)
}

func TestCancellingAtAnyTimeLeavesNothing(t *testing.T) {
	c := engine(t)
	for i := range 24 {
		after := time.Duration(i) * 4 * time.Millisecond
		req := request(fmt.Sprintf("shop-web-%d.c", i), "sleep 100")
		ctx, cancel := context.WithTimeout(t.Context(), after)
		err := c.CreateContainer(ctx, req)
		if err == nil {
			err = c.StartTask(ctx, req.ID, containerd.StartRequest{})
		} else if all, lerr := c.Containers(t.Context(), containerd.Filter{}); lerr != nil || len(all) != 0 {
			t.Errorf("cancelled after %v: %v are left, %v", after, all, lerr)
		}
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errdefs.IsDeadlineExceeded(err) {
			t.Errorf("cancelled after %v: %v", after, err)
		}
		all, lerr := c.Containers(t.Context(), containerd.Filter{})
		if lerr != nil {
			t.Fatal(lerr)
		}
		if len(all) == 1 && err != nil && all[0].HasTask {
			t.Errorf("cancelled after %v: a task is left, though %v", after, err)
		}
		takeAway(t, c, req.ID)
	}
}

func TestAStopThatIsCancelledCanBeRepeated(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.r", "trap '' TERM; touch /out/ready; while :; do sleep 100 & wait; done")
	report(t, c, req)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := c.StopTask(ctx, req.ID, containerd.StopRequest{Grace: -1}); err == nil {
		t.Error("the container ignores the signal, yet it was stopped")
	}
	if got := look(t, c, req.ID).State; got != planner.StateRunning {
		t.Errorf("state %s, want running", got)
	}
	if err := c.StopTask(t.Context(), req.ID, containerd.StopRequest{}); err != nil {
		t.Error(err)
	}
}

func TestATaskThatWasNeverStartedIsStartedAnew(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.n", "sleep 100")
	create(t, c, req)
	if err := c.StartTask(t.Context(), req.ID, containerd.StartRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := c.StopTask(t.Context(), req.ID, containerd.StopRequest{}); err != nil {
		t.Fatal(err)
	}
	makeTask(t, c, req.ID)
	if got := look(t, c, req.ID); got.State != planner.StateCreated || !got.HasTask {
		t.Fatalf("state %s, task %t, want a created one", got.State, got.HasTask)
	}
	if err := c.StartTask(t.Context(), req.ID, containerd.StartRequest{}); err != nil {
		t.Fatal(err)
	}
	if got := look(t, c, req.ID).State; got != planner.StateRunning {
		t.Errorf("state %s, want running", got)
	}
	if err := c.StopTask(t.Context(), req.ID, containerd.StopRequest{}); err != nil {
		t.Fatal(err)
	}
	makeTask(t, c, req.ID)
	if err := c.StopTask(t.Context(), req.ID, containerd.StopRequest{Grace: time.Minute}); err != nil {
		t.Errorf("stopping what was never started: %v", err)
	}
	makeTask(t, c, req.ID)
	if err := c.RemoveContainer(t.Context(), req.ID); err != nil {
		t.Errorf("removing what was never started: %v", err)
	}
}

// makeTask makes a task and does not start it, as a start does that is killed.
func makeTask(t *testing.T, c *containerd.Client, id string) {
	t.Helper()
	container, err := c.Raw().LoadContainer(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := c.Raw().SnapshotService("overlayfs").Mounts(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := container.NewTask(t.Context(), nullIO, withRootfs(mounts), withRuntime(c)); err != nil {
		t.Fatal(err)
	}
}

func TestWhatOnlyRuncKnowsOfIsNotInTheWay(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.x", "true"+wait)
	create(t, c, req)
	left := filepath.Join(c.Config().RuncRoot, c.Config().Namespace, req.ID)
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.StartTask(t.Context(), req.ID, containerd.StartRequest{}); err != nil {
		t.Fatal(err)
	}
	if got := look(t, c, req.ID); !got.Running() {
		t.Errorf("%s after its start", got.State)
	}
}

// What is left when who deletes a task is killed: its shim has no container any
// more, and containerd still has its shim.
func TestATaskThatIsDeletedByHalfIsNotInTheWay(t *testing.T) {
	e := enginetest.Start(t)
	c := clientOf(t, e)
	req := request("shop-web-1.h", "sleep 1000")
	run(t, c, req)
	ctx := t.Context()
	halve := func() {
		t.Helper()
		if err := c.KillTask(ctx, req.ID, "KILL"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.WaitTask(ctx, req.ID); err != nil {
			t.Fatal(err)
		}
		deleteInShim(t, filepath.Join(e.State, "io.containerd.runtime.v2.task", "gocompose", req.ID), req.ID)
		if look(t, c, req.ID).HasTask {
			t.Fatal("the task is listed: this test tests nothing")
		}
	}
	halve()
	if err := c.StartTask(ctx, req.ID, containerd.StartRequest{}); err != nil {
		t.Fatal(err)
	}
	if !look(t, c, req.ID).Running() {
		t.Error("it does not run")
	}
	halve()
	if err := c.StopTask(ctx, req.ID, containerd.StopRequest{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its shim is gone", func() bool { return len(shimsOf(t, e.Dir)) == 0 })
}

// deleteInShim has the shim of a bundle delete its task, behind containerd's
// back.
func deleteInShim(t *testing.T, bundle, id string) {
	t.Helper()
	var at struct{ Address string }
	if err := json.Unmarshal([]byte(read(t, filepath.Join(bundle, "bootstrap.json"))), &at); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", strings.TrimPrefix(at.Address, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	shim := ttrpc.NewClient(conn)
	defer shim.Close()
	ctx := namespaces.WithNamespace(t.Context(), "gocompose")
	if _, err := taskapi.NewTTRPCTaskClient(shim).Delete(ctx, &taskapi.DeleteRequest{ID: id}); err != nil {
		t.Fatal(err)
	}
}
