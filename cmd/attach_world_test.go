package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor"
)

// patienceOfTests is how long what must happen may take.
const patienceOfTests = 20 * time.Second

// fakeWorld is a world of containers that print into real log files, and of which a
// script tells.
type fakeWorld struct {
	t   *testing.T
	dir string
	now time.Time // of the last start or end

	mu       sync.Mutex
	infos    map[string]host.Info
	gone     map[string]host.Info // that were removed
	watching func(supervisor.ContainerStatus)
	watched  chan struct{} // closed when somebody watches
	busy     chan struct{} // a command that changes the project; closed: none
}

func newFakeWorld(t *testing.T) *fakeWorld {
	w := &fakeWorld{
		t: t, dir: t.TempDir(), now: time.Now(), infos: map[string]host.Info{}, gone: map[string]host.Info{},
		watched: make(chan struct{}), busy: make(chan struct{}),
	}
	close(w.busy)
	return w
}

func (w *fakeWorld) Watch(ctx context.Context, _ string, changed func(supervisor.ContainerStatus)) error {
	w.mu.Lock()
	w.watching = changed
	close(w.watched)
	w.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

func (w *fakeWorld) Containers(context.Context, string) ([]host.Info, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []host.Info
	for _, i := range w.infos {
		all = append(all, i)
	}
	return all, nil
}

func (w *fakeWorld) Settled(ctx context.Context, name string) ([]host.Info, error) {
	w.mu.Lock()
	busy := w.busy
	w.mu.Unlock()
	select {
	case <-busy:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return w.Containers(ctx, name)
}

func (w *fakeWorld) Dir(id string) string { return filepath.Join(w.dir, id) }

// make makes a container: "web-1", or "web-1.new" of the same name.
func (w *fakeWorld) make(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name, _, _ := strings.Cut(id, ".")
	service, number, _ := strings.Cut(name, "-")
	replica := 0
	if _, err := fmt.Sscan(number, &replica); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Mkdir(w.Dir(id), 0o700); err != nil {
		w.t.Fatal(err)
	}
	w.infos[id] = host.Info{
		Container: planner.Container{ID: id, State: planner.StateCreated, Spec: project.Container{Project: "shop", Service: service, Replica: replica}},
		Name:      "shop-" + name, Dir: w.Dir(id),
	}
}

// kept is output that needs no acknowledgement.
type kept struct{ io.Reader }

func (kept) Ack(int) error { return nil }

func (w *fakeWorld) print(id string, s logs.Stream, text string) {
	w.t.Helper()
	out, err := logs.OpenWriter(w.Dir(id), logs.Limits{MaxSize: 300, MaxFiles: 1000})
	if err == nil {
		err = errors.Join(out.Copy(s, kept{strings.NewReader(text)}), out.Close())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// starts and ends change what there is, and tell nobody.
func (w *fakeWorld) starts(id string) {
	w.change(id, func(i *host.Info) {
		i.State, i.StartedAt, i.ExitedAt, i.ExitCode = planner.StateRunning, w.now, time.Time{}, 0
	})
}

func (w *fakeWorld) ends(id string, code int) {
	w.change(id, func(i *host.Info) { i.State, i.ExitedAt, i.ExitCode = planner.StateExited, w.now, code })
}

func (w *fakeWorld) change(id string, do func(*host.Info)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(time.Second)
	i := w.infos[id]
	do(&i)
	w.infos[id] = i
}

func (w *fakeWorld) removes(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone[id] = w.infos[id]
	delete(w.infos, id)
}

// tells has the watcher hear of a container, in a phase, as it is now.
func (w *fakeWorld) tells(id string, phase supervisor.Phase, more ...func(*supervisor.ContainerStatus)) {
	<-w.watched
	w.mu.Lock()
	i, there := w.infos[id]
	if !there {
		i = w.gone[id]
	}
	s := supervisor.ContainerStatus{
		ID: id, Name: i.Name, Project: "shop", Service: i.Spec.Service, Replica: i.Spec.Replica,
		Phase: phase, StartedAt: i.StartedAt, ExitedAt: i.ExitedAt, ExitCode: i.ExitCode,
	}
	w.mu.Unlock()
	for _, change := range more {
		change(&s)
	}
	w.watching(s)
}

// runs starts a container and tells of it, exits ends it and tells that it is
// for good.
func (w *fakeWorld) runs(id string) {
	w.starts(id)
	w.tells(id, supervisor.PhaseStarting)
	w.tells(id, supervisor.PhaseRunning)
}

func (w *fakeWorld) exits(id string, code int) {
	w.ends(id, code)
	w.tells(id, supervisor.PhaseEnded)
	w.tells(id, supervisor.PhaseAbsent)
}

// restarted is for the status of a container that the supervisor has started.
func restarted(at time.Time, code int) func(*supervisor.ContainerStatus) {
	return func(s *supervisor.ContainerStatus) { s.Restarts, s.ExitedAt, s.ExitCode = 1, at, code }
}

// screen is where lines are printed.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// shows waits until the text is there.
func (s *screen) shows(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(patienceOfTests); !strings.Contains(s.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q does not come; there is\n%s", text, s)
		}
	}
}
