//go:build live

package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/containerd/containerd/api/types/runc/options"
	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"

	"github.com/gocompose/gocompose/containerd/engine"
	"github.com/gocompose/gocompose/internal/livetest"
)

func TestContainersOutliveKilledAndStoppedContainerd(t *testing.T) {
	c := config(t)
	e, err := engine.Ensure(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx := namespaces.WithNamespace(t.Context(), "gocompose")
	pid := sleeper(ctx, t, c, e)
	for _, end := range []func() error{
		func() error { return syscall.Kill(e.Pid, syscall.SIGKILL) },
		func() error { return engine.Stop(ctx, c) },
	} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		gone(t, e.Pid)
		if e, err = engine.Ensure(ctx, c); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(int(pid), 0); err != nil {
			t.Fatalf("the container's process %d: %v", pid, err)
		}
		client, err := containerd.New(e.Address)
		if err != nil {
			t.Fatal(err)
		}
		status := taskStatus(ctx, t, client)
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if status != containerd.Running {
			t.Fatalf("the container is %s", status)
		}
	}
	remove(ctx, t, e)
	if err := engine.Stop(ctx, c); err != nil {
		t.Fatal(err)
	}
	if left, err := livetest.Leftovers(c.Paths); err != nil || left != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if sockets := sockets(t, c.Paths.State); sockets != nil {
		t.Errorf("sockets left behind: %v", sockets)
	}
}

// sleeper starts a container that sleeps, and returns its process.
func sleeper(ctx context.Context, t *testing.T, c engine.Config, e engine.Engine) uint32 {
	t.Helper()
	root := filepath.Join(filepath.Dir(c.Paths.Root), "rootfs")
	if err := os.MkdirAll(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatalf("%v; install busybox-static", err)
	}
	if err := os.WriteFile(filepath.Join(root, "bin/busybox"), busybox, 0o755); err != nil {
		t.Fatal(err)
	}
	client, err := containerd.New(e.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	container, err := client.NewContainer(ctx, "sleeper",
		containerd.WithRuntime(e.Runtime, &options.Options{BinaryName: e.Runc, Root: e.RuncRoot}),
		containerd.WithNewSpec(oci.WithRootFSPath(root), oci.WithCgroup(c.Paths.CgroupParent()+"/sleeper"),
			oci.WithProcessArgs("/bin/busybox", "sleep", "1000")))
	if err != nil {
		t.Fatal(err)
	}
	task, err := container.NewTask(ctx, cio.NullIO)
	if err != nil {
		t.Fatal(err)
	}
	if err := task.Start(ctx); err != nil {
		t.Fatal(err)
	}
	pid := task.Pid()
	t.Cleanup(func() {
		if t.Failed() { // else it is removed in an orderly way
			_ = syscall.Kill(int(pid), syscall.SIGKILL)
		}
	})
	return pid
}

func taskStatus(ctx context.Context, t *testing.T, client *containerd.Client) containerd.ProcessStatus {
	t.Helper()
	container, err := client.LoadContainer(ctx, "sleeper")
	if err != nil {
		t.Fatal(err)
	}
	task, err := container.Task(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	status, err := task.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return status.Status
}

func remove(ctx context.Context, t *testing.T, e engine.Engine) {
	t.Helper()
	client, err := containerd.New(e.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	container, err := client.LoadContainer(ctx, "sleeper")
	if err != nil {
		t.Fatal(err)
	}
	task, err := container.Task(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := task.Delete(ctx, containerd.WithProcessKill); err != nil {
		t.Fatal(err)
	}
	if err := container.Delete(ctx); err != nil {
		t.Fatal(err)
	}
}
