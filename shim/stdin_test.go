package shim

import (
	"bufio"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
)

// openInput starts a container that has standard input, and returns the path that
// the task's state says can be written to.
func openInput(t *testing.T, r *rig) string {
	t.Helper()
	uri := r.options.URI()
	_, err := r.Create(t.Context(), &taskapi.CreateTaskRequest{ID: id, Bundle: r.bundle, Stdin: uri, Stdout: uri, Stderr: uri, Terminal: r.terminal})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Start(t.Context(), &taskapi.StartRequest{ID: id}); err != nil {
		t.Fatal(err)
	}
	st, err := r.State(t.Context(), &taskapi.StateRequest{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return st.Stdin
}

func TestStandardInputHasNoEndWhileTheContainerIsThere(t *testing.T) {
	r := newRig(t)
	path := openInput(t, r)
	lines := bufio.NewReader(r.inner.in)
	for _, line := range []string{"first\n", "second\n"} {
		w, err := os.OpenFile(path, os.O_WRONLY, 0) // each time another writer, which leaves
		if err != nil {
			t.Fatal(err)
		}
		r.print(w, line)
		w.Close()
		if got, err := lines.ReadString('\n'); got != line || err != nil {
			t.Fatalf("read %q, %v", got, err)
		}
	}
	r.inner.finish(0)
	r.inner.closeOutput()
	r.delete()
	ended := make(chan error, 1)
	go func() { // ends with the container's standard input
		_, err := lines.ReadString('\n')
		ended <- err
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, io.EOF) {
			t.Errorf("after the deletion: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it has no end after the deletion")
	}
}

func TestWithoutStandardInputThereIsNone(t *testing.T) {
	r := newRig(t)
	r.start()
	if r.inner.in != nil {
		t.Error("the container got standard input")
	}
	if _, err := os.Stat(stdinPath(r.bundle)); err == nil {
		t.Error("a FIFO was made")
	}
	r.inner.finish(0)
	r.inner.closeOutput()
	r.delete()
}

// Of a terminal the inner service opens the FIFO.
func TestATerminalIsTypedAtThroughTheInnerService(t *testing.T) {
	r := newRig(t)
	r.terminal = true
	path := openInput(t, r)
	if r.inner.stdin != path || path != stdinPath(r.bundle) {
		t.Errorf("the inner service got %q, the client %q", r.inner.stdin, path)
	}
	r.inner.finish(0)
	r.inner.closeOutput()
	r.delete()
}
