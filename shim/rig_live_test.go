//go:build live

package shim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/containerd/enginetest"
	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/options"
	"github.com/gocompose/gocompose/shim/state"
)

// host is a containerd with our shim and a root file system.
type host struct {
	*enginetest.Engine
	t      testing.TB
	client *client.Client
	rootfs string
	n      int
}

func newHost(t testing.TB) *host {
	t.Helper()
	h := &host{Engine: enginetest.Start(t), t: t}
	h.buildShim()
	h.makeRootfs()
	h.connect()
	t.Cleanup(func() { h.client.Close() })
	return h
}

func (h *host) buildShim() {
	h.t.Helper()
	out := filepath.Join(h.Dir, "bin") + "/"
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out,
		"../cmd/containerd-shim-gocompose-v1", "../cmd/gocompose-shim")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if msg, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("building the shim: %v\n%s", err, msg)
	}
}

func (h *host) makeRootfs() {
	h.t.Helper()
	h.rootfs = filepath.Join(h.Dir, "rootfs")
	for _, d := range []string{"bin", "tmp", "proc", "dev", "sys"} {
		if err := os.MkdirAll(filepath.Join(h.rootfs, d), 0o755); err != nil {
			h.t.Fatal(err)
		}
	}
	busybox, err := os.ReadFile("/bin/busybox")
	if err == nil {
		err = os.WriteFile(filepath.Join(h.rootfs, "bin/busybox"), busybox, 0o755)
	}
	for _, applet := range []string{"sh", "echo", "seq", "sleep", "tail", "yes", "head", "touch", "test", "cat"} {
		err = errors.Join(err, os.Symlink("busybox", filepath.Join(h.rootfs, "bin", applet)))
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) connect() {
	h.t.Helper()
	var err error
	if h.client, err = client.New(h.Address, client.WithDefaultNamespace("gocompose")); err != nil {
		h.t.Fatal(err)
	}
}

// restart brings a killed containerd back.
func (h *host) restart() {
	h.t.Helper()
	h.Run(h.t)
	h.client.Close()
	h.connect()
}

func (h *host) ctx() context.Context { return namespaces.WithNamespace(h.t.Context(), "gocompose") }

// job is one container that runs a shell script.
type job struct {
	*host
	id      string
	options options.Options
	task    client.Task
	exit    <-chan client.ExitStatus
}

// how says how a job is made; its zero value is the usual way.
type how struct {
	options  options.Options
	terminal bool
	spec     []oci.SpecOpts
}

// run makes and starts a container. It is removed when the test ends.
func (h *host) run(script string, w how) *job {
	h.t.Helper()
	h.n++
	j := &job{host: h, id: fmt.Sprintf("job-%d.x", h.n), options: w.options}
	if j.options.Dir == "" {
		j.options.Dir = filepath.Join(h.Dir, "containers", j.id)
	}
	if j.options.Driver == "" {
		j.options.Driver = options.JSONFile
	}
	spec := []oci.SpecOpts{
		oci.WithDefaultSpec(), oci.WithRootFSPath(h.rootfs), oci.WithProcessArgs("/bin/sh", "-c", script),
		oci.WithCgroup(filepath.Join(h.Cgroup, j.id)),
	}
	if w.terminal {
		spec = append(spec, oci.WithTTY)
	}
	c, err := h.client.NewContainer(h.ctx(), j.id,
		client.WithRuntime(options.Runtime, &runcoptions.Options{BinaryName: h.Runc, Root: h.RuncRoot}),
		client.WithNewSpec(append(spec, w.spec...)...))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(j.remove)
	uri := j.options.URI()
	j.task, err = c.NewTask(h.ctx(), func(string) (cio.IO, error) {
		return stdio{cio.Config{Stdout: uri, Stderr: uri, Terminal: w.terminal}}, nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if j.exit, err = j.task.Wait(h.ctx()); err != nil {
		h.t.Fatal(err)
	}
	if err := j.task.Start(h.ctx()); err != nil {
		h.t.Fatal(err)
	}
	return j
}

// stdio is what a client says about a task's streams.
type stdio struct{ config cio.Config }

func (s stdio) Config() cio.Config { return s.config }
func (s stdio) Cancel()            {}
func (s stdio) Wait()              {}
func (s stdio) Close() error       { return nil }

// wait waits for the exit and returns its code.
func (j *job) wait() uint32 {
	j.t.Helper()
	select {
	case st := <-j.exit:
		if st.Error() != nil {
			j.t.Fatal(st.Error())
		}
		return st.ExitCode()
	case <-time.After(60 * time.Second):
		j.t.Fatal("no exit")
		return 0
	}
}

// remove deletes the task and the container, whatever state they are in.
func (j *job) remove() {
	ctx, cancel := context.WithTimeout(namespaces.WithNamespace(context.Background(), "gocompose"), 30*time.Second)
	defer cancel()
	c, err := j.client.LoadContainer(ctx, j.id)
	if errdefs.IsNotFound(err) {
		return
	}
	if err != nil {
		j.t.Error(err)
		return
	}
	task, err := c.Task(ctx, nil)
	if err == nil {
		_, err = task.Delete(ctx, client.WithProcessKill)
	}
	if err != nil && !errdefs.IsNotFound(err) {
		j.t.Error(err)
	}
	if err := c.Delete(ctx); err != nil {
		j.t.Error(err)
	}
}

// log is what has been logged of both streams; partial lines end with "…".
func (j *job) log() string {
	j.t.Helper()
	var b bytes.Buffer
	err := logs.Read(j.t.Context(), logs.Source{Dir: j.options.Dir}, logs.Query{Tail: -1}, func(e logs.Entry) error {
		b.Write(e.Line)
		if e.Partial {
			b.WriteString("…")
		}
		return b.WriteByte('\n')
	})
	if err != nil {
		j.t.Fatal(err)
	}
	return b.String()
}

func (j *job) state() state.State {
	j.t.Helper()
	st, err := state.Read(j.options.Dir)
	if err != nil {
		j.t.Fatal(err)
	}
	return st
}

// shim returns the pid of the job's shim, the parent of its first process.
func (j *job) shim() int {
	j.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", j.task.Pid()))
	if err != nil {
		j.t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var pid int
		if n, _ := fmt.Sscanf(line, "PPid: %d", &pid); n == 1 {
			return pid
		}
	}
	j.t.Fatal("no parent")
	return 0
}

// eventually waits for a condition.
func (h *host) eventually(what string, holds func() bool) {
	h.t.Helper()
	for end := time.Now().Add(60 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("%s: does not come true", what)
		}
	}
}

func (h *host) kill(pid int) {
	h.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		h.t.Fatal(err)
	}
}

// numbers is what seq prints.
func numbers(n int) string {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	return b.String()
}
