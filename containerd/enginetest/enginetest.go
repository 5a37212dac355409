// Package enginetest starts a containerd of a test's own.
package enginetest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Engine is one containerd with folders, sockets and a cgroup that nothing else
// on the host uses.
type Engine struct {
	Address string // of the gRPC socket
	Root    string // containerd's root
	State   string // containerd's state
	Dir     string // parent of both, for whatever else a test keeps; removed with them
	Runc    string // path of the runc binary
	// RuncRoot is a folder for runc's state.
	RuncRoot string
	// Cgroup is the parent of the cgroups of a test's containers.
	Cgroup string

	cmd  *exec.Cmd
	exit chan struct{}
	log  *os.File
}

// BinEnv names the folder that has the programs containerd and runc. Without it
// they are looked up in PATH.
const BinEnv = "GOCOMPOSE_TEST_BIN"

// Start starts a containerd and stops it when t ends. The test must be root.
// When processes, mounts or cgroups are left at the end, they are removed and t
// fails.
func Start(t testing.TB) *Engine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("a test with a containerd of its own must run as root")
	}
	// Short, because paths of sockets are limited, and not below t.TempDir: a
	// leftover mount must not be walked into by its removal.
	dir, err := os.MkdirTemp("/run", "gct")
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{
		Address:  filepath.Join(dir, "c.sock"),
		Root:     filepath.Join(dir, "root"),
		State:    filepath.Join(dir, "state"),
		Dir:      dir,
		Runc:     program(t, "runc"),
		RuncRoot: filepath.Join(dir, "runc"),
		Cgroup:   "/" + filepath.Base(dir),
	}
	t.Cleanup(func() { e.cleanup(t) })
	if err := os.WriteFile(e.configFile(), []byte(e.config(version(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	if e.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	e.Run(t)
	return e
}

// Run starts containerd again after Kill.
func (e *Engine) Run(t testing.TB) {
	t.Helper()
	e.cmd = exec.Command(program(t, "containerd"), "--config", e.configFile())
	e.cmd.Stdout, e.cmd.Stderr = e.log, e.log
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	e.cmd.Env = append(environ(), "PATH="+e.path())
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e.exit = make(chan struct{})
	go func(cmd *exec.Cmd, exit chan struct{}) {
		defer close(exit)
		_ = cmd.Wait() // how it ended is of no interest, that it did is
	}(e.cmd, e.exit)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", e.Address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-e.exit:
			t.Fatalf("containerd ended:\n%s", e.Log())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("containerd does not answer: %v\n%s", err, e.Log())
		}
	}
}

// Kill ends containerd as kill -9 does, and waits for its end. Shims and
// containers go on.
func (e *Engine) Kill(t testing.TB) {
	t.Helper()
	e.signal(syscall.SIGKILL)
	<-e.exit
}

// Log returns what containerd has written so far.
func (e *Engine) Log() string {
	data, err := os.ReadFile(e.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func (e *Engine) signal(sig syscall.Signal) {
	_ = e.cmd.Process.Signal(sig) // it may have ended
}

func (e *Engine) configFile() string { return filepath.Join(e.Dir, "config.toml") }

// path is containerd's PATH: first our shims, if the test has put some into
// <Dir>/bin, then the folder with the binaries.
func (e *Engine) path() string {
	return strings.Join([]string{filepath.Join(e.Dir, "bin"), filepath.Dir(e.Runc), os.Getenv("PATH")}, ":")
}

func environ() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case "PATH", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID":
		default:
			env = append(env, kv)
		}
	}
	return env
}

// config is for containerd 2; before that there was neither version 3 nor a
// folder for the shims' sockets.
func (e *Engine) config(version string) string {
	if strings.HasPrefix(version, "1.") {
		return fmt.Sprintf(`version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.restart", "io.containerd.nri.v1.nri"]
[grpc]
  address = %q
[ttrpc]
  address = %q
`, e.Root, e.State, e.Address, e.Address+".ttrpc")
	}
	return fmt.Sprintf(`version = 3
root = %q
state = %q
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",
  "io.containerd.podsandbox.controller.v1.podsandbox", "io.containerd.nri.v1.nri",
  "io.containerd.monitor.container.v1.restart", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.erofs",
]
[grpc]
  address = %q
[ttrpc]
  address = %q
[plugins."io.containerd.shim.v1.manager"]
  socket_dir = %q
[plugins."io.containerd.metadata.v1.bolt"]
  no_sync = true
`, e.Root, e.State, e.Address, e.Address+".ttrpc", filepath.Join(e.Dir, "s"))
}

// version asks the program containerd for its version, "2.3.7".
func version(t testing.TB) string {
	t.Helper()
	out, err := exec.Command(program(t, "containerd"), "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range strings.Fields(string(out)) {
		word = strings.TrimPrefix(word, "v")
		if word != "" && word[0] >= '0' && word[0] <= '9' {
			return word
		}
	}
	t.Fatalf("no version in %q", out)
	return ""
}

func program(t testing.TB, name string) string {
	t.Helper()
	if dir := os.Getenv(BinEnv); dir != "" {
		return filepath.Join(dir, name)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v; set %s to the folder that has it", err, BinEnv)
	}
	return path
}

func (e *Engine) cleanup(t testing.TB) {
	t.Helper()
	if e.cmd != nil && e.cmd.Process != nil {
		e.signal(syscall.SIGTERM)
		select {
		case <-e.exit:
		case <-time.After(10 * time.Second):
			t.Errorf("containerd does not end:\n%s", e.Log())
			e.signal(syscall.SIGKILL)
			<-e.exit
		}
	}
	for _, left := range e.processes() {
		t.Errorf("left behind: process %d: %s", left.pid, left.line)
		_ = syscall.Kill(left.pid, syscall.SIGKILL)
	}
	for _, point := range mounts(t, e.Dir) {
		t.Errorf("left behind: mount %s", point)
		if err := syscall.Unmount(point, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}
	if t.Failed() && e.log != nil {
		t.Logf("containerd's log:\n%s", e.Log())
	}
	if e.log != nil {
		_ = e.log.Close()
	}
	e.removeCgroups(t)
	if err := os.RemoveAll(e.Dir); err != nil {
		t.Error(err)
	}
}

type process struct {
	pid  int
	line string
}

// processes finds those that name the engine's folder in their command line:
// shims do, and runc.
func (e *Engine) processes() []process {
	var found []process
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(data, []byte(e.Dir+"/")) {
			continue // gone by now, or none of ours
		}
		var p process
		if _, err := fmt.Sscanf(file, "/proc/%d/cmdline", &p.pid); err != nil || p.pid == os.Getpid() {
			continue
		}
		p.line = strings.ReplaceAll(string(data), "\x00", " ")
		found = append(found, p)
	}
	return found
}

// mounts lists the mount points below dir, the deepest first.
func mounts(t testing.TB, dir string) []string {
	t.Helper()
	data, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		t.Error(err)
		return nil
	}
	var found []string
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			found = append([]string{fields[4]}, found...)
		}
	}
	return found
}

// removeCgroups removes the engine's cgroup in each hierarchy. runc leaves the
// parents of its cgroups behind, so that alone is no fault; cgroups in it are.
func (e *Engine) removeCgroups(t testing.TB) {
	t.Helper()
	for _, pattern := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		dirs, _ := filepath.Glob(pattern + e.Cgroup)
		for _, dir := range dirs {
			children, _ := filepath.Glob(dir + "/*/cgroup.procs")
			for _, child := range children {
				t.Errorf("left behind: cgroup %s", filepath.Dir(child))
				_ = os.Remove(filepath.Dir(child))
			}
			if err := os.Remove(dir); err != nil {
				t.Error(err)
			}
		}
	}
}
