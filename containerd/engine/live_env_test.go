//go:build live

package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/gocompose/gocompose/containerd/engine"
	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/internal/paths"
)

// config returns an engine of the test's own, with the programs that `make
// build` makes or those in GOCOMPOSE_TEST_BIN. It is stopped when the test ends.
func config(t *testing.T) engine.Config {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("a test with a containerd of its own must run as root")
	}
	bin := os.Getenv("GOCOMPOSE_TEST_BIN")
	if bin == "" {
		bin = "../../bin"
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/run", "gcengine") // a test's own folder is too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	c := engine.Config{Paths: paths.Paths{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")}, Bin: bin}
	t.Cleanup(func() {
		if err := engine.Stop(context.WithoutCancel(t.Context()), c); err != nil {
			t.Error(err)
		}
		if left, err := livetest.Leftovers(c.Paths); err != nil || left != nil {
			t.Errorf("left behind: %v, %v", left, err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return c
}

// caller is a process of its own that calls Ensure.
func caller(t *testing.T, c engine.Config, out *bytes.Buffer) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), asCaller+"="+c.Bin, "GOCOMPOSE_ROOT="+c.Paths.Root, "GOCOMPOSE_STATE="+c.Paths.State)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	return cmd
}

func find(t *testing.T, c engine.Config) engine.Engine {
	t.Helper()
	e, err := engine.Find(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// processes returns the IDs of the processes that are c's containerd.
func processes(t *testing.T, c engine.Config) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err == nil && bytes.HasSuffix(line, []byte("--config\x00"+filepath.Join(c.Paths.EngineState(), "config.toml")+"\x00")) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// gone waits until the process is no more, or dead and not collected.
func gone(t *testing.T, pid int) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err != nil || len(line) == 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func sockets(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type() == fs.ModeSocket {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
