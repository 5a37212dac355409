//go:build live

package containerd_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/snapshots"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/enginetest"
	"github.com/gocompose/gocompose/project"
)

// busybox is the chain ID of the image that all live tests run.
const busybox = "busybox"

// shim is the folder with the stock runc shim, built once for all tests.
var shim string

func TestMain(m *testing.M) {
	var err error
	if shim, err = os.MkdirTemp("", "gocompose-shim"); err != nil {
		panic(err)
	}
	build := exec.Command("go", "build", "-C", "../bundle", "-o", shim, "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "building the shim: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(shim); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// engine starts a containerd that ends with the test and returns a client of
// it, with the image unpacked.
func engine(t testing.TB) *containerd.Client {
	t.Helper()
	return clientOf(t, enginetest.Start(t))
}

// clientOf returns a client of a containerd that has just been started.
func clientOf(t testing.TB, e *enginetest.Engine) *containerd.Client {
	t.Helper()
	if err := os.Symlink(shim, filepath.Join(e.Dir, "bin")); err != nil {
		t.Fatal(err)
	}
	c, err := containerd.Connect(t.Context(), containerd.Config{
		Address:      e.Address,
		Runtime:      "io.containerd.runc.v2",
		Runc:         e.Runc,
		RuncRoot:     e.RuncRoot,
		CgroupParent: e.Cgroup,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		leaveNothing(t, c)
		eventually(t, "all shims are gone", func() bool { return len(shimsOf(t, e.Dir)) == 0 })
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	unpack(t, c)
	return c
}

// unpack makes the image's one layer.
func unpack(t testing.TB, c *containerd.Client) {
	t.Helper()
	s := c.Raw().SnapshotService("overlayfs")
	root := snapshots.WithLabels(map[string]string{"containerd.io/gc.root": "test"})
	mounts, err := s.Prepare(t.Context(), "unpacking", "", root)
	if err != nil {
		t.Fatal(err)
	}
	dir := mounts[0].Source // a bind of the layer's folder
	for name, content := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n",
		"etc/group":  "root:x:0:\nwheel:x:10:root\napp:x:1000:\naudio:x:29:app\n",
		"etc/plain":  "not a program\n",
	} {
		write(t, filepath.Join(dir, name), []byte(content), 0o644)
	}
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "bin/busybox"), program, 0o755)
	for _, applet := range []string{"sh", "sleep", "cat", "id", "touch", "true", "pwd", "env", "hostname", "kill"} {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", applet)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Commit(t.Context(), busybox, "unpacking", root); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path string, content []byte, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, mode); err != nil {
		t.Fatal(err)
	}
}

// request returns a container that runs a shell script.
func request(id, script string) containerd.CreateRequest {
	return containerd.CreateRequest{
		ID: id,
		Spec: project.Container{
			Project: "shop", Service: "web", Replica: 1, Name: id,
			Image:   "docker.io/library/busybox:test",
			Command: []string{"sh", "-c", script},
		},
		Image: containerd.Image{
			Digest:  "sha256:00",
			ChainID: busybox,
			Config:  ocispec.ImageConfig{Env: []string{"PATH=/bin"}},
		},
	}
}

// run creates and starts a container, which is taken away after the test, and
// returns its process's ID.
func run(t testing.TB, c *containerd.Client, req containerd.CreateRequest) int {
	t.Helper()
	create(t, c, req)
	if err := c.StartTask(t.Context(), req.ID, containerd.StartRequest{}); err != nil {
		t.Fatal(err)
	}
	return look(t, c, req.ID).Pid
}

func create(t testing.TB, c *containerd.Client, req containerd.CreateRequest) {
	t.Helper()
	t.Cleanup(func() { takeAway(t, c, req.ID) })
	if err := c.CreateContainer(t.Context(), req); err != nil {
		t.Fatal(err)
	}
}

func takeAway(t testing.TB, c *containerd.Client, id string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := c.StopTask(ctx, id, containerd.StopRequest{}); err != nil {
		t.Error(err)
	}
	if err := c.RemoveContainer(ctx, id); err != nil {
		t.Error(err)
	}
}

// look returns a container as it is listed.
func look(t testing.TB, c *containerd.Client, id string) containerd.Container {
	t.Helper()
	all, err := c.Containers(context.WithoutCancel(t.Context()), containerd.Filter{IDs: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 {
		t.Fatalf("%d containers are called %s, want 1", len(all), id)
	}
	return all[0]
}

// leaveNothing fails the test when anything but the image is left.
func leaveNothing(t testing.TB, c *containerd.Client) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if all, err := c.Containers(ctx, containerd.Filter{}); err != nil || len(all) != 0 {
		t.Errorf("containers are left: %v, %v", all, err)
	}
	var left []string
	err := c.Raw().SnapshotService("overlayfs").Walk(ctx, func(_ context.Context, i snapshots.Info) error {
		if i.Name != busybox {
			left = append(left, i.Name)
		}
		return nil
	})
	if err != nil || len(left) != 0 {
		t.Errorf("snapshots are left: %v, %v", left, err)
	}
	if leases, err := c.Raw().LeasesService().List(ctx); err != nil || len(leases) != 0 {
		t.Errorf("leases are left: %v, %v", leases, err)
	}
}

// shimsOf returns the shims of the containerd in dir.
func shimsOf(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		b, _ := os.ReadFile(f) // it may be gone
		if line := string(b); strings.Contains(line, "shim") && strings.Contains(line, dir) {
			found = append(found, strings.ReplaceAll(line, "\x00", " "))
		}
	}
	return found
}

func mountsBelow(t testing.TB, dir string) []string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, dir) {
			found = append(found, line)
		}
	}
	return found
}

// eventually waits for a condition; tests that wait in vain end with go test's
// own time limit in mind.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited until %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// netns returns the path of a new network namespace.
func netns(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net")
	write(t, path, nil, 0o600)
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is the namespace's
		err := syscall.Unshare(syscall.CLONE_NEWNET)
		if err == nil {
			err = syscall.Mount("/proc/thread-self/ns/net", path, "", syscall.MS_BIND, "")
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return path
}
