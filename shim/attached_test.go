package shim

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	taskapi "github.com/containerd/containerd/api/runtime/task/v3"

	"github.com/gocompose/gocompose/shim/attach"
	"github.com/gocompose/gocompose/shim/options"
)

// createAttachable creates a container that can be attached to, and attaches.
func createAttachable(t *testing.T, r *rig) *attach.Client {
	t.Helper()
	r.options.Attach = filepath.Join(t.TempDir(), "socket")
	uri := r.options.URI()
	_, err := r.Create(t.Context(), &taskapi.CreateTaskRequest{ID: id, Bundle: r.bundle, Stdin: uri, Stdout: uri, Stderr: uri, Terminal: r.terminal})
	if err != nil {
		t.Fatal(err)
	}
	client, err := attach.Dial(t.Context(), r.options.Attach, attach.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func TestWhoAttachesBeforeTheStartMissesNothing(t *testing.T) {
	r := newRig(t)
	client := createAttachable(t, r)
	if _, err := r.Start(t.Context(), &taskapi.StartRequest{ID: id}); err != nil {
		t.Fatal(err)
	}
	r.print(r.inner.out, "a prompt> ")
	r.print(r.inner.err, "an error")
	r.inner.finish(3)
	r.inner.closeOutput()
	var out, errs bytes.Buffer
	code, err := client.Output(&out, &errs)
	if code != 3 || err != nil || out.String() != "a prompt> " || errs.String() != "an error" {
		t.Errorf("exit code %d, %v, %q, %q", code, err, out.String(), errs.String())
	}
	r.delete()
	if got := r.log(); got != "stdout:a prompt> \nstderr:an error\n" && got != "stderr:an error\nstdout:a prompt> \n" {
		t.Errorf("log %q", got)
	}
	if _, err := os.Stat(r.options.Attach); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket stays: %v", err)
	}
}

func TestAClientCanEndStandardInputForAll(t *testing.T) {
	r := newRig(t)
	client := createAttachable(t, r)
	other, err := attach.Dial(t.Context(), r.options.Attach, attach.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := client.Write([]byte("typed")); err != nil {
		t.Fatal(err)
	}
	if err := client.EndInput(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r.inner.in); string(got) != "typed" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := other.Write([]byte("too late")); err != nil {
		t.Error(err)
	}
	r.inner.finish(0)
	r.inner.closeOutput()
	r.delete()
}

// What keeps clients from attaching does not keep the container from running.
func TestAContainerRunsThoughNobodyCanAttach(t *testing.T) {
	r := newRig(t)
	taken := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(taken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.options.Attach = filepath.Join(taken, "socket")
	r.start()
	r.print(r.inner.out, "line\n")
	r.inner.finish(0)
	r.inner.closeOutput()
	r.delete()
	if got := r.log(); got != "stdout:line\n" {
		t.Errorf("log %q", got)
	}
}

// Of a shim that was killed containerd's call takes the socket away.
func TestTheSocketOfAKilledShimIsTakenAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	s, err := attach.Listen(path, (*stdin)(nil))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := removeAttach(options.Options{Attach: path}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := errors.Join(removeAttach(options.Options{}), s.Withdraw()); err != nil {
		t.Error(err)
	}
	s.Close(t.Context())
}
