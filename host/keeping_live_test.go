//go:build live

package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor"
	"github.com/gocompose/gocompose/supervisor/health"
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

// checked is a container whose check looks for a file in a folder of the host.
func (w world) checked(t testing.TB, service string) (c project.Container, file string) {
	t.Helper()
	dir := t.TempDir()
	c = w.container(service, forEver)
	c.Mounts = []project.Mount{{Type: project.MountBind, Source: dir, Target: "/check"}}
	c.Health = &project.Healthcheck{
		Test: []string{project.TestShell, "cat /check/ok || exit 4"}, Interval: 100 * time.Millisecond, Retries: 2,
	}
	return c, filepath.Join(dir, "ok")
}

func TestWaitingOutlivesSupervisorAndEngine(t *testing.T) {
	w := open(t)
	c, file := w.checked(t, "web")
	c.Health.Retries = 1000
	id := w.up(t, c)
	decided := make(chan error, 1)
	go func() { decided <- w.AwaitContainer(t.Context(), id, project.Healthy) }()
	w.eventually(t, id, "it was probed", func(i host.Info) bool { return i.Health != nil && len(i.Health.Results) > 0 })
	w.killSupervisor(t)
	w.killEngine(t)
	w.killSupervisor2(t)
	select {
	case err := <-decided:
		t.Fatalf("decided with no file there: %v", err)
	default:
	}
	if err := os.WriteFile(file, []byte("fine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := <-decided; err != nil {
		t.Fatal(err)
	}
	i := w.eventually(t, id, "it is known as healthy", func(i host.Info) bool { return i.Health != nil && i.Health.Status == health.Healthy })
	if last := i.Health.Results[len(i.Health.Results)-1]; last.Output != "fine\n" || last.ExitCode != 0 {
		t.Errorf("the last result is %+v", last)
	}
}

// killSupervisor2 kills the next supervisor, as soon as there is one.
func (w world) killSupervisor2(t testing.TB) {
	t.Helper()
	c := supervisor.NewClient(w.cfg.Paths)
	defer c.Close()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := c.Status(t.Context()); err == nil {
			w.killSupervisor(t)
			return
		}
		if time.Now().After(end) {
			t.Fatal("no supervisor comes back")
		}
	}
}

func TestWaitingInVainSaysWhy(t *testing.T) {
	w := open(t)
	sick, _ := w.checked(t, "sick")
	well, file := w.checked(t, "well")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	chatty := w.container("chatty", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i; done; exit 7")
	once := w.container("once", "true")
	flaky := w.container("flaky", "test -e /tmp/been && exit 0; touch /tmp/been; exit 1")
	flaky.Restart.Condition = project.RestartOnFailure
	for _, tt := range []struct {
		c     project.Container
		until project.Condition
		want  *planner.AwaitError
	}{
		{well, project.Healthy, nil},
		{well, project.Ready, nil},
		{w.container("plain", forEver), project.Ready, nil},
		{w.container("plain", forEver), project.Started, nil},
		{w.container("plain", forEver), project.Healthy, &planner.AwaitError{NoHealthcheck: true}},
		{once, project.Completed, nil},
		{once, project.Ready, nil},
		{flaky, project.Completed, nil},
		{sick, project.Healthy, &planner.AwaitError{Output: []string{"cat: can't open '/check/ok': No such file or directory"}}},
		{sick, project.Ready, &planner.AwaitError{Output: []string{"cat: can't open '/check/ok': No such file or directory"}}},
		{chatty, project.Completed, &planner.AwaitError{Exited: true, ExitCode: 7, Output: strings.Split("line 3,line 4,line 5,line 6,line 7,line 8,line 9,line 10,line 11,line 12", ",")}},
	} {
		t.Run(fmt.Sprintf("%s %s", tt.c.Service, tt.until), func(t *testing.T) {
			id := w.up(t, tt.c)
			err := w.AwaitContainer(t.Context(), id, tt.until)
			var got *planner.AwaitError
			if tt.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.As(err, &got) {
				t.Fatalf("error %v, want a planner.AwaitError", err)
			}
			if got.Exited != tt.want.Exited || got.ExitCode != tt.want.ExitCode || got.NoHealthcheck != tt.want.NoHealthcheck ||
				!slices.Equal(got.Output, tt.want.Output) || got.Container != tt.c.Name || got.Service != tt.c.Service {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestTheExitCodeIsWaitedFor(t *testing.T) {
	w := open(t)
	id := w.up(t, w.container("web", "trap 'exit 5' TERM; sleep 1d & wait"))
	type end struct {
		code int
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		code, err := w.Wait(t.Context(), id)
		ended <- end{code, err}
	}()
	w.killEngine(t)
	w.killSupervisor(t)
	for { // the engine may be on its way back
		err := w.KillContainer(t.Context(), id, "TERM")
		if err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := <-ended; got.code != 5 && got.code != 143 || got.err != nil {
		t.Errorf("%+v", got)
	}
	if code, err := w.Wait(t.Context(), id); code != w.info(t, id).ExitCode || err != nil {
		t.Errorf("waited again: %d, %v", code, err)
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

// BenchmarkSupervisor tells how much of a processor the supervisor of fifty
// containers needs, each checked each five seconds, over thirty seconds.
func BenchmarkSupervisor(b *testing.B) {
	w := open(b)
	for i := range 50 {
		c := w.container(fmt.Sprintf("web%d", i), forEver)
		c.Health = &project.Healthcheck{Test: []string{project.TestExec, "true"}, Interval: 5 * time.Second}
		w.up(b, c)
	}
	s := supervisor.NewClient(w.cfg.Paths)
	defer s.Close()
	status, err := s.Status(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	const span = 30 * time.Second
	before := processorTime(b, status.Pid)
	time.Sleep(span)
	used := processorTime(b, status.Pid) - before
	b.ReportMetric(100*used.Seconds()/span.Seconds(), "%core")
	b.ReportMetric(0, "ns/op")
}

// processorTime is what a process has used, of all its threads, in the kernel's
// ticks of 10 ms.
func processorTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(data), ") ") // the name may have spaces
	fields := strings.Fields(after)
	var ticks int64
	for _, f := range fields[11:13] { // proc(5): utime and stime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
