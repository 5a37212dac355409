//go:build live

package shim_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/options"
)

func TestLive(t *testing.T) {
	h := newHost(t)
	for name, test := range map[string]func(*host){
		"the last words of a container that exits at once are kept":      lastWords,
		"200,000 lines are complete when the exit is known":              manyLines,
		"a terminal's output is logged":                                  terminal,
		"a process outside that has the output open is not waited for":   openOutside,
		"a child in the host's PID namespace is not waited for":          openChild,
		"a kill for want of memory is recorded":                          oom,
		"a full disk loses lines, says so, and does not stop containers": fullDisk,
		"the supervisor is started when its socket breaks":               supervisor,
		"the end is recorded when the shim is killed":                    deadShim,
		"driver none keeps nothing":                                      driverNone,
		"a program in it whose output nobody reads holds up nothing":     unreadProgram,
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			sub := *h
			sub.t = t
			defer func() { h.n = sub.n }()
			test(&sub)
		})
	}
}

func lastWords(h *host) {
	j := h.run("echo to stderr >&2; echo -n last words; exit 7", how{})
	if code := j.wait(); code != 7 {
		h.t.Errorf("exit code %d", code)
	}
	if got := j.log(); !strings.Contains(got, "to stderr\n") || !strings.Contains(got, "last words…\n") {
		h.t.Errorf("log %q", got)
	}
	st := j.state()
	if st.Running || st.ExitCode != 7 || st.Pid != int(j.task.Pid()) || !st.ExitedAt.After(st.StartedAt) || st.OOMKilled {
		h.t.Errorf("state %+v", st)
	}
}

func manyLines(h *host) {
	j := h.run("seq 200000", how{options: options.Options{Log: logs.Limits{MaxSize: 1 << 20, MaxFiles: 100}}})
	j.wait()
	if got := j.log(); got != numbers(200_000) {
		h.t.Errorf("%d lines", strings.Count(got, "\n"))
	}
}

func terminal(h *host) {
	j := h.run("test -t 1 && echo a terminal; echo stderr >&2", how{terminal: true})
	if code := j.wait(); code != 0 {
		h.t.Errorf("exit code %d", code)
	}
	if got := j.log(); got != "a terminal\r\nstderr\r\n" {
		h.t.Errorf("log %q", got)
	}
}

// deleteSoon deletes a task in less time than the stock shim waits for output
// to be closed.
func (j *job) deleteSoon() {
	j.t.Helper()
	ctx, cancel := context.WithTimeout(namespaces.WithNamespace(context.Background(), "gocompose"), 8*time.Second)
	defer cancel()
	if _, err := j.task.Delete(ctx); err != nil {
		j.t.Error(err)
	}
}

func openOutside(h *host) {
	j := h.run("echo before; sleep 1000", how{})
	h.eventually("what it prints is logged", func() bool { return j.log() == "before\n" })
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/1", j.task.Pid()), os.O_WRONLY, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	h.kill(int(j.task.Pid()))
	if _, err := f.WriteString("after\n"); err != nil {
		h.t.Fatal(err)
	}
	j.wait()
	j.deleteSoon()
	if got := j.log(); got != "before\nafter\n" {
		h.t.Errorf("log %q", got)
	}
}

func openChild(h *host) {
	j := h.run("sleep 1000 & echo done", how{spec: []oci.SpecOpts{oci.WithHostNamespace(specs.PIDNamespace)}})
	j.wait()
	j.deleteSoon()
	if got := j.log(); got != "done\n" {
		h.t.Errorf("log %q", got)
	}
}

func oom(h *host) {
	j := h.run("tail /dev/zero", how{spec: []oci.SpecOpts{oci.WithMemoryLimit(16 << 20)}})
	if code := j.wait(); code == 0 {
		h.t.Error("it lives")
	}
	if st := j.state(); !st.OOMKilled {
		h.t.Errorf("state %+v", st)
	}
}

func fullDisk(h *host) {
	dir := filepath.Join(h.Dir, "small")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			h.t.Error(err)
		}
	})
	j := h.run("seq 200000; touch /tmp/printed; while ! test -e /tmp/go; do sleep 0.05; done; echo after",
		how{options: options.Options{Dir: filepath.Join(dir, "c")}})
	h.eventually("all is printed", func() bool { return exists(filepath.Join(h.rootfs, "tmp/printed")) })
	// The last batches may still be under way: the disk has to stay full for them.
	before := -1
	h.eventually("the log is full", func() bool {
		n := len(j.log())
		same := n == before
		before = n
		return same
	})
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.rootfs, "tmp/go"), nil, 0o600); err != nil {
		h.t.Fatal(err)
	}
	if code := j.wait(); code != 0 {
		h.t.Errorf("exit code %d", code)
	}
	kept, lost := 0, 0
	for line := range strings.Lines(j.log()) {
		if n := 0; strings.HasSuffix(line, " lines lost: no space left on device\n") {
			if _, err := fmt.Sscan(line, &n); err != nil {
				h.t.Error(err)
			}
			lost += n
			continue
		}
		kept++
	}
	if lost == 0 || kept+lost != 200_001 || !strings.HasSuffix(j.log(), "after\n") {
		h.t.Errorf("%d lines kept, %d lost", kept, lost)
	}
	if st := j.state(); st.Running {
		h.t.Errorf("state %+v", st)
	}
	j.remove()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func supervisor(h *host) {
	socket, starts := filepath.Join(h.Dir, "supervisor.sock"), filepath.Join(h.Dir, "starts")
	j := h.run("sleep 1000", how{options: options.Options{Supervisor: options.Supervisor{
		Socket:  socket,
		Command: []string{"/bin/sh", "-c", `echo "$WHO $GOMAXPROCS" >> "$1"`, "sh", starts},
		Env:     []string{"WHO=gocompose"},
	}}})
	started := func(n int) func() bool {
		return func() bool {
			data, _ := os.ReadFile(starts)
			return strings.Count(string(data), "gocompose \n") >= n
		}
	}
	h.eventually("it is started, for it was not there", started(1))
	l, err := net.Listen("unix", socket)
	if err != nil {
		h.t.Fatal(err)
	}
	conn := held(h.t, l)
	data, err := os.ReadFile(starts)
	if err != nil {
		h.t.Fatal(err)
	}
	n := strings.Count(string(data), "\n")
	l.Close()
	conn.Close()
	h.eventually("it is started again", started(n+1))
	j.remove()
}

// held waits for a connection that stays.
func held(t testing.TB, l net.Listener) net.Conn {
	t.Helper()
	for {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); os.IsTimeout(err) {
			return conn
		}
		conn.Close()
	}
}

func deadShim(h *host) {
	j := h.run("echo alive; sleep 1000", how{})
	h.eventually("it has printed", func() bool { return j.log() == "alive\n" })
	h.kill(j.shim())
	h.eventually("its end is recorded", func() bool { return !j.state().Running })
	if st := j.state(); st.ExitCode != 137 || st.ExitedAt.IsZero() {
		h.t.Errorf("state %+v", st)
	}
}

func driverNone(h *host) {
	j := h.run("seq 100000", how{options: options.Options{Driver: options.None}})
	if code := j.wait(); code != 0 {
		h.t.Errorf("exit code %d", code)
	}
	if exists(filepath.Join(j.options.Dir, "log")) {
		h.t.Error("there is a log")
	}
}

// unreadProgram is what a client leaves that is killed before the program that it
// has executed is started.
func unreadProgram(h *host) {
	j := h.run("sleep 1000", how{})
	out := filepath.Join(h.t.TempDir(), "out")
	if err := syscall.Mkfifo(out, 0o600); err != nil {
		h.t.Fatal(err)
	}
	// The inner service gives up after thirty seconds.
	ctx, cancel := context.WithTimeout(h.ctx(), 15*time.Second)
	defer cancel()
	p, err := j.task.Exec(ctx, "test", &specs.Process{Args: []string{"/bin/sh", "-c", "echo unread; sleep 1000"}, Cwd: "/"},
		func(string) (cio.IO, error) { return stdio{cio.Config{Stdout: out, Stderr: out}}, nil })
	if err == nil {
		err = p.Start(ctx)
	}
	if err != nil {
		h.t.Error(err)
	}
	h.kill(int(j.task.Pid()))
	select {
	case <-j.exit:
	case <-ctx.Done():
		h.t.Error("nobody hears of the end")
	}
}

func TestLiveContainersDoNotNoticeTheDeathOfContainerd(t *testing.T) {
	h := newHost(t)
	j := h.run("seq 1000; touch /tmp/half; while ! test -e /tmp/go; do sleep 0.05; done; seq 200000; exit 9", how{})
	h.eventually("it has printed", func() bool { return exists(filepath.Join(h.rootfs, "tmp/half")) })
	h.Kill(t)
	if err := os.WriteFile(filepath.Join(h.rootfs, "tmp/go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.eventually("the exit is recorded", func() bool { return !j.state().Running })
	if st := j.state(); st.ExitCode != 9 {
		t.Errorf("state %+v", st)
	}
	want := numbers(1000) + numbers(200_000)
	h.eventually("the log is complete", func() bool { return len(j.log()) >= len(want) })
	if j.log() != want {
		t.Error("the log differs")
	}
	h.restart()
}

func TestLiveTwoMillionLines(t *testing.T) {
	h := newHost(t)
	began := time.Now()
	j := h.run("yes 'GET /some/path 200 OK, 1234 bytes in 0.7 ms by worker 12' | head -n 2000000",
		how{options: options.Options{Log: logs.Limits{MaxSize: 10 << 20, MaxFiles: 30}}})
	ready := time.Now()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", j.shim()))
	if err != nil {
		t.Fatal(err)
	}
	shim := j.shim()
	j.wait()
	wrote := time.Now()
	n := 0
	err = logs.Read(t.Context(), logs.Source{Dir: j.options.Dir}, logs.Query{Tail: -1}, func(logs.Entry) error { n++; return nil })
	if err != nil || n != 2_000_000 {
		t.Fatal(n, err)
	}
	t.Logf("create and start %v, print and log %v, read %v", ready.Sub(began), wrote.Sub(ready), time.Since(wrote))
	after, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", shim))
	t.Logf("shim, at start and at the end:%s%s", memory(status), memory(after))
}

// memory picks the resident sizes out of a process's status.
func memory(status []byte) string {
	var out string
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "RssAnon") || strings.HasPrefix(line, "Threads") {
			out += " " + strings.Join(strings.Fields(line), " ")
		}
	}
	return out + ";"
}
