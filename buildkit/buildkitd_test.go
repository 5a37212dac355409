//go:build live

package buildkit_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/containerd/enginetest"
)

// startBuildkitd starts a buildkitd on a containerd of the test's own, and returns a
// client and the process.
func startBuildkitd(t *testing.T) (*buildkit.Client, *enginetest.Engine, *os.Process) {
	t.Helper()
	e := enginetest.Start(t)
	dir := filepath.Join(e.Dir, "buildkit")
	must(t, os.MkdirAll(dir, 0o700))
	socket := filepath.Join(dir, "b.sock")
	config := filepath.Join(dir, "config.toml")
	runc := filepath.Join(dir, "runc")
	must(t, os.WriteFile(runc, fmt.Appendf(nil, "#!/bin/sh\nexec %s --root %s \"$@\"\n", e.Runc, filepath.Join(dir, "steps-of-runc")), 0o700))
	must(t, os.WriteFile(config, fmt.Appendf(nil, `root = %q
insecure-entitlements = ["network.host", "security.insecure"]
[log]
  level = "warn"
[grpc]
  address = ["unix://%s"]
[worker.containerd]
  address = %q
  namespace = "gocompose"
  snapshotter = "overlayfs"
  networkMode = "host"
  defaultCgroupParent = %q
[worker.containerd.runtime]
  path = %q
`, filepath.Join(dir, "root"), socket, e.Address, e.Cgroup, runc), 0o600))
	cmd := exec.Command(filepath.Join(filepath.Dir(e.Runc), "buildkitd"), "--config", config)
	log, err := os.Create(filepath.Join(dir, "log"))
	must(t, err)
	cmd.Stdout, cmd.Stderr = log, log
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // a test may have ended it
		_ = cmd.Wait()                          // it ends by a signal
		removeCgroups(t, e.Cgroup)
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("buildkitd's log:\n%s", text)
		}
		_ = log.Close()
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("buildkitd does not listen")
		}
	}
	c, err := buildkit.Dial(context.Background(), socket)
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c, e, cmd.Process
}

// removeCgroups removes what buildkitd keeps for the next container, when the last ones
// have gone.
func removeCgroups(t *testing.T, parent string) {
	dirs, _ := filepath.Glob("/sys/fs/cgroup/*" + parent + "/buildkit")
	for _, dir := range append(dirs, "/sys/fs/cgroup"+parent+"/buildkit") {
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			err := os.Remove(dir)
			if err == nil || os.IsNotExist(err) {
				break
			}
			if time.Now().After(end) {
				t.Error(err)
				break
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write makes files in a folder of their own.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}
