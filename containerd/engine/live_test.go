//go:build live

package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/containerd/engine"
	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/internal/paths"
)

// asCaller makes the test binary a process that calls Ensure and prints the ID
// of containerd's process.
const asCaller = "GOCOMPOSE_TEST_ENSURE"

func TestMain(m *testing.M) {
	if bin := os.Getenv(asCaller); bin != "" {
		p, err := paths.FromEnv()
		if err == nil {
			var e engine.Engine
			e, err = engine.Ensure(context.Background(), engine.Config{Paths: p, Bin: bin})
			fmt.Print(e.Pid)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestConcurrentFirstUsesStartOneContainerd(t *testing.T) {
	c := config(t)
	var callers []*exec.Cmd
	outputs := make([]bytes.Buffer, 8)
	for i := range outputs {
		cmd := caller(t, c, &outputs[i])
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		callers = append(callers, cmd)
	}
	for i, cmd := range callers {
		if err := cmd.Wait(); err != nil {
			t.Errorf("caller %d: %v", i, err)
		}
	}
	e := find(t, c)
	for i := range outputs {
		if got := outputs[i].String(); got != strconv.Itoa(e.Pid) {
			t.Errorf("caller %d got process %q, want %d", i, got, e.Pid)
		}
	}
	if pids := processes(t, c); !slices.Equal(pids, []int{e.Pid}) {
		t.Errorf("processes %v, want %d alone", pids, e.Pid)
	}
}

func TestContainerdOutlivesItsStarterOutsideOfItsCgroupAndSession(t *testing.T) {
	c := config(t)
	var out bytes.Buffer
	if err := caller(t, c, &out).Run(); err != nil {
		t.Fatal(err)
	}
	e := find(t, c)
	if out.String() != strconv.Itoa(e.Pid) {
		t.Errorf("process %s was started, %d answers", out.String(), e.Pid)
	}
	cgroups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", e.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(cgroups)) {
		if !strings.HasSuffix(line, ":"+c.Paths.CgroupParent()+"/engine\n") {
			t.Errorf("it stays in cgroup %s", line)
		}
	}
	if sid, err := unix.Getsid(e.Pid); err != nil || sid != e.Pid {
		t.Errorf("session %d, %v, want its own", sid, err)
	}
}

func TestKilledContainerdIsReplaced(t *testing.T) {
	c := config(t)
	first, err := engine.Ensure(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := syscall.Kill(first.Pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		gone(t, first.Pid)
		second, err := engine.Ensure(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if second.Pid == first.Pid {
			t.Fatalf("process %d has been killed, and answers", first.Pid)
		}
		first = second
	}
}

func TestContainerdThatHangsIsNeitherReplacedNorDoubled(t *testing.T) {
	c := config(t)
	e, err := engine.Ensure(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(e.Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for !stopped(t, e.Pid) { // each thread stops when it gets to it
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, err = engine.Ensure(ctx, c)
	if err == nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the deadline's", err)
	}
	if pids := processes(t, c); !slices.Equal(pids, []int{e.Pid}) {
		t.Errorf("processes %v, want %d alone", pids, e.Pid)
	}
	if err := syscall.Kill(e.Pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if again, err := engine.Ensure(t.Context(), c); err != nil || again.Pid != e.Pid {
		t.Errorf("got %+v, %v, want process %d", again, err, e.Pid)
	}
}

// stopped tells whether all threads of a process have stopped.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("process %d has no threads: %v", pid, err)
	}
	for _, path := range threads {
		status, err := os.ReadFile(path)
		if err == nil && !strings.Contains(string(status), "State:\tT") {
			return false
		}
	}
	return true
}

func TestStopLeavesNothingBehind(t *testing.T) {
	short, long := config(t), config(t)
	long.Paths.State = filepath.Join(long.Paths.State, "too-long-for-sockets-of-shims")
	for name, c := range map[string]engine.Config{"short": short, "long": long} {
		t.Run(name, func(t *testing.T) {
			if _, err := engine.Ensure(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if err := engine.Stop(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			left, err := livetest.Leftovers(c.Paths)
			if err != nil || left != nil {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if sockets := sockets(t, c.Paths.State); sockets != nil {
				t.Errorf("sockets left behind: %v", sockets)
			}
			if dir := "/run/gocompose-" + paths.Short(c.Paths.State); exists(dir) {
				t.Errorf("%s is left behind", dir)
			}
			if _, err := engine.Find(t.Context(), c); !errors.Is(err, engine.ErrNotRunning) {
				t.Errorf("error %v, want ErrNotRunning", err)
			}
			if err := engine.Stop(t.Context(), c); err != nil {
				t.Errorf("stopping what does not run: %v", err)
			}
		})
	}
}

func TestStopEndsOneThatHangs(t *testing.T) {
	c := config(t)
	e, err := engine.Ensure(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(e.Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := engine.Stop(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	gone(t, e.Pid)
}

func TestFailedStartIsReportedWithTheEndOfTheLog(t *testing.T) {
	c := config(t)
	c.Bin = t.TempDir()
	for name, text := range map[string]string{
		"containerd": "#!/bin/sh\necho this disk is broken >&2\nexit 3\n", "runc": "#!/bin/sh\n", "containerd-shim-gocompose-v1": "#!/bin/sh\n",
	} {
		if err := os.WriteFile(filepath.Join(c.Bin, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_, err := engine.Ensure(t.Context(), c)
	for _, word := range []string{"this disk is broken", "exit status 3", filepath.Join(c.Paths.EngineState(), "containerd.log")} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error %v does not say %q", err, word)
		}
	}
}

func TestStaleSocketIsNoObstacle(t *testing.T) {
	c := config(t)
	if err := os.MkdirAll(c.Paths.EngineState(), 0o700); err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: c.Paths.EngineSocket()}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Close(fd); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Ensure(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherContainerdIsUsedAsItIs(t *testing.T) {
	theirs, ours := config(t), config(t)
	want, err := engine.Ensure(t.Context(), theirs)
	if err != nil {
		t.Fatal(err)
	}
	ours.Address = want.Address
	got, err := engine.Ensure(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	if got.Private || got.Pid != want.Pid || got.Runtime != filepath.Join(ours.Bin, "containerd-shim-gocompose-v1") {
		t.Errorf("got %+v", got)
	}
	if exists(ours.Paths.EngineState()) {
		t.Errorf("%s has been made", ours.Paths.EngineState())
	}
}
