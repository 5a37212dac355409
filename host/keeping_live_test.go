//go:build live

package host_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor"
)

const (
	shop = "keeping"
	// forEver is a script that ends by its stop signal only.
	forEver = "trap 'exit 0' TERM; sleep 1d & wait"
)

// container returns a container of the service that runs a script.
func (w world) container(service, script string) project.Container {
	return project.Container{
		Project: shop, Service: service, Replica: 1, Name: shop + "-" + service + "-1",
		Image: w.image, Command: []string{"sh", "-c", script}, StopGrace: time.Second,
		Logging: project.Logging{Driver: "json-file", MaxSize: project.DefaultLogMaxSize, MaxFiles: project.DefaultLogMaxFiles},
		ShmSize: project.DefaultShmSize,
	}
}

// up makes and starts a container, which ends with the test.
func (w world) up(t testing.TB, c project.Container) string {
	t.Helper()
	ctx := t.Context()
	id := planner.ContainerID(c.Project, c.Service, c.Replica, "n1")
	t.Cleanup(func() {
		ctx := context.WithoutCancel(ctx)
		if err := errors.Join(w.StopContainer(ctx, id, 0), w.RemoveContainer(ctx, id)); err != nil {
			t.Error(err)
		}
	})
	if err := w.CreateContainer(ctx, id, c, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.StartContainer(ctx, id); err != nil {
		t.Fatal(err)
	}
	return id
}

func (w world) info(t testing.TB, id string) host.Info {
	t.Helper()
	infos, err := w.Containers(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(infos, func(i host.Info) bool { return i.ID == id })
	if i < 0 {
		t.Fatalf("there is no container %s", id)
	}
	return infos[i]
}

// eventually returns the container when it is as wanted.
func (w world) eventually(t testing.TB, id, what string, ok func(host.Info) bool) host.Info {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		i := w.info(t, id)
		if ok(i) {
			return i
		}
		if time.Now().After(end) {
			log, _ := os.ReadFile(w.cfg.Paths.SupervisorLog())
			t.Fatalf("in vain waited until %s: %s since %v until %v, exit code %d, %d restarts, the next at %v, health %+v; the supervisor says:\n%s",
				what, i.State, i.StartedAt, i.ExitedAt, i.ExitCode, i.Restarts, i.RestartAt, i.Health, log)
		}
	}
}

// crash kills the container's process, as if it had done so itself.
func (w world) crash(t testing.TB, id string) {
	t.Helper()
	if err := syscall.Kill(w.info(t, id).Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// killSupervisor kills the running supervisor and returns when it is gone.
func (w world) killSupervisor(t testing.TB) {
	t.Helper()
	c := supervisor.NewClient(w.cfg.Paths)
	defer c.Close()
	s, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(s.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for {
		if now, err := c.Status(t.Context()); err != nil || now.Pid != s.Pid {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func (w world) killEngine(t testing.TB) {
	t.Helper()
	s, err := host.Look(t.Context(), w.cfg)
	if err != nil || s.Engine.Pid == 0 {
		t.Fatalf("the engine: %+v, %v", s.Engine, err)
	}
	if err := syscall.Kill(s.Engine.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// audience hears what is told of containers.
type audience struct {
	mu   sync.Mutex
	told []supervisor.ContainerStatus
}

func (a *audience) hear(s supervisor.ContainerStatus) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told = append(a.told, s)
}

func (a *audience) heard(t testing.TB, what string, ok func(supervisor.ContainerStatus) bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		a.mu.Lock()
		found := slices.ContainsFunc(a.told, ok)
		a.mu.Unlock()
		if found {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it was not told that %s", what)
		}
	}
}

// numbered fails the test unless each run has a number of its own, that grows.
func (a *audience) numbered(t testing.TB) {
	t.Helper()
	runs, last := map[time.Time]int{}, 0
	for _, s := range a.told {
		if s.Phase != supervisor.PhaseRunning {
			continue
		}
		if n, ok := runs[s.StartedAt]; ok && n != s.Runs || !ok && s.Runs <= last {
			t.Errorf("the run since %v is number %d after %d, and was %d", s.StartedAt, s.Runs, last, n)
		}
		runs[s.StartedAt], last = s.Runs, s.Runs
	}
}

func TestWhatCrashesIsStartedAgainAndFollowed(t *testing.T) {
	w := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	var told audience
	var watching sync.WaitGroup
	watching.Go(func() {
		if err := w.Watch(ctx, shop, told.hear); !errors.Is(err, context.Canceled) {
			t.Errorf("watching: %v", err)
		}
	})
	c := w.container("web", forEver)
	c.Restart.Condition = project.RestartAlways
	id := w.up(t, c)
	var before host.Info
	for restarts := range 4 {
		i := w.eventually(t, id, "it runs again", func(i host.Info) bool {
			return i.State == planner.StateRunning && i.StartedAt.After(before.StartedAt) && i.Restarts == restarts
		})
		told.heard(t, "it runs again", func(s supervisor.ContainerStatus) bool {
			return s.Phase == supervisor.PhaseRunning && s.StartedAt.Equal(i.StartedAt)
		})
		if i.Pid == before.Pid {
			t.Errorf("it is still process %d", i.Pid)
		}
		before = i
		if restarts == 2 {
			w.killSupervisor(t)
		}
		if restarts < 3 {
			w.crash(t, id)
		}
	}
	if err := w.StopContainer(ctx, id, 0); err != nil {
		t.Fatal(err)
	}
	told.heard(t, "it is gone", func(s supervisor.ContainerStatus) bool { return s.Phase == supervisor.PhaseAbsent })
	cancel()
	watching.Wait()
	told.numbered(t)
}

func TestAStopBetweenTwoAttemptsIsTheLastWord(t *testing.T) {
	w := open(t)
	c := w.container("web", "exit 3")
	c.Restart.Condition = project.RestartUnlessStopped
	id := w.up(t, c)
	w.eventually(t, id, "it is restarting", func(i host.Info) bool {
		return i.State == planner.StateRestarting && i.Restarts >= 2
	})
	if err := w.KillContainer(t.Context(), id, "HUP"); !errors.Is(err, executor.ErrNotRunning) && err != nil {
		t.Errorf("a signal to what does not run: %v", err)
	}
	if err := w.StopContainer(t.Context(), id, time.Second); err != nil {
		t.Fatal(err)
	}
	stopped := w.info(t, id)
	if stopped.State != planner.StateExited || !stopped.Stopped || stopped.ExitCode != 3 {
		t.Errorf("stopped: %+v", stopped)
	}
	if err := w.StartContainer(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	again := w.eventually(t, id, "it is restarting again", func(i host.Info) bool { return i.State == planner.StateRestarting })
	if again.Stopped {
		t.Error("it counts as stopped")
	}
	if err := w.KillContainer(t.Context(), id, "KILL"); err != nil {
		t.Error(err)
	}
	if i := w.info(t, id); i.State != planner.StateExited || !i.Stopped {
		t.Errorf("killed: %+v", i)
	}
	if err := w.KillContainer(t.Context(), id, "KILL"); !errors.Is(err, executor.ErrNotRunning) {
		t.Errorf("killed again: %v", err)
	}
}

func TestARestartIsNotForgottenWithTheSupervisor(t *testing.T) {
	w := open(t)
	w.up(t, w.container("other", forEver)) // its shim starts the supervisor again
	c := w.container("web", forEver)
	c.Restart = project.Restart{Condition: project.RestartOnFailure, Delay: time.Second}
	id := w.up(t, c)
	first := w.info(t, id)
	w.crash(t, id)
	w.eventually(t, id, "the restart is due", func(i host.Info) bool { return !i.RestartAt.IsZero() })
	w.killSupervisor(t)
	w.eventually(t, id, "it runs again", func(i host.Info) bool {
		return i.State == planner.StateRunning && i.StartedAt.After(first.StartedAt) && i.Restarts == 1
	})
	if i := w.info(t, planner.ContainerID(shop, "other", 1, "n1")); i.State != planner.StateRunning || i.Restarts != 0 {
		t.Errorf("the other: %+v", i)
	}
}

func TestWhatIsPausedCanBeStopped(t *testing.T) {
	w := open(t)
	c := w.container("web", forEver)
	c.Restart.Condition = project.RestartAlways
	id := w.up(t, c)
	ctx := t.Context()
	if err := errors.Join(w.PauseContainer(ctx, id), w.PauseContainer(ctx, id)); err != nil {
		t.Fatal(err)
	}
	if i := w.info(t, id); i.State != planner.StatePaused {
		t.Errorf("paused: %+v", i)
	}
	if err := errors.Join(w.UnpauseContainer(ctx, id), w.UnpauseContainer(ctx, id), w.PauseContainer(ctx, id)); err != nil {
		t.Fatal(err)
	}
	if err := w.KillContainer(ctx, id, "TERM"); err != nil {
		t.Fatal(err)
	}
	if code, err := w.Wait(ctx, id); code != 0 || err != nil {
		t.Errorf("ended with %d, %v", code, err)
	}
	w.eventually(t, id, "it is stopped for good", func(i host.Info) bool { return i.State == planner.StateExited && i.Stopped })
	if err := errors.Join(w.StartContainer(ctx, id), w.PauseContainer(ctx, id), w.StopContainer(ctx, id, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if i := w.info(t, id); i.State != planner.StateExited || i.ExitCode != 0 {
		t.Errorf("stopped: %+v", i)
	}
	if err := w.PauseContainer(ctx, id); !errors.Is(err, executor.ErrNotRunning) {
		t.Errorf("pausing what does not run: %v", err)
	}
}
