package shim

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	eventstypes "github.com/containerd/containerd/api/events"
	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gocompose/gocompose/events"
	"github.com/gocompose/gocompose/shim/options"
)

func keepSubject(t *testing.T, dir string) {
	t.Helper()
	if err := (events.Subject{ID: id, Project: "p", Service: "web", Name: "p-web-1", Image: "web:1"}).Keep(dir); err != nil {
		t.Fatal(err)
	}
}

// noted is what the journal tells: the actions, each with some of its attributes.
func noted(t *testing.T, o options.Options) string {
	t.Helper()
	var all []string
	err := events.In(o.Events).Read(t.Context(), events.Query{Until: time.Now()}, func(e events.Event) error {
		if e.ID != id || e.Attributes[events.Name] != "p-web-1" || e.Project != "p" {
			t.Errorf("an event of another: %+v", e)
		}
		text := string(e.Action)
		for _, name := range []string{events.Signal, events.ExitCode, events.ExecID} {
			if v, ok := e.Attributes[name]; ok {
				text += " " + name + "=" + v
			}
		}
		all = append(all, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, ", ")
}

// Exec and Kill of the fake do nothing.
func (f *fakeRunc) Exec(context.Context, *taskapi.ExecProcessRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (f *fakeRunc) Kill(context.Context, *taskapi.KillRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func TestWhatHappensToAContainerIsNoted(t *testing.T) {
	r := newRig(t)
	r.options.Events = filepath.Join(t.TempDir(), "events")
	keepSubject(t, r.options.Dir)
	r.start()
	p := settling{publisherFunc(func(string) {}), r.service}
	exec := func(name string) {
		spec := &anypb.Any{Value: []byte(`{"args":["sh","-c","ls /"]}`)}
		_, err := r.Exec(t.Context(), &taskapi.ExecProcessRequest{ID: id, ExecID: name, Spec: spec})
		if err == nil {
			_, err = r.Start(t.Context(), &taskapi.StartRequest{ID: id, ExecID: name})
		}
		if err == nil {
			err = p.Publish(t.Context(), "", &eventstypes.TaskExit{ContainerID: id, ID: name, ExitStatus: 4, ExitedAt: timestamppb.Now()})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	exec("mine")
	exec(options.Probe)
	for _, e := range []any{&eventstypes.TaskPaused{ContainerID: id}, &eventstypes.TaskResumed{ContainerID: id}, &eventstypes.TaskOOM{ContainerID: id}} {
		if err := p.Publish(t.Context(), "", e); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Kill(t.Context(), &taskapi.KillRequest{ID: id, Signal: uint32(syscall.SIGKILL)}); err != nil {
		t.Fatal(err)
	}
	r.inner.finish(137)
	r.inner.closeOutput()
	r.delete()
	const want = "start, exec_create: sh -c ls / execID=mine, exec_start: sh -c ls / execID=mine, exec_die exitCode=4 execID=mine, " +
		"pause, unpause, oom, kill signal=9, die exitCode=137"
	if got := noted(t, r.options); got != want {
		t.Errorf("noted\n%s, want\n%s", got, want)
	}
}

func TestOfAContainerWithoutASubjectNothingIsNoted(t *testing.T) {
	r := newRig(t)
	r.options.Events = filepath.Join(t.TempDir(), "events")
	r.start()
	r.inner.finish(0)
	r.inner.closeOutput()
	r.delete()
	if _, err := os.Stat(r.options.Events); !os.IsNotExist(err) {
		t.Errorf("there is a journal: %v", err)
	}
}
