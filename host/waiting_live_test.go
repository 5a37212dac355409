//go:build live

package host_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor"
	"github.com/gocompose/gocompose/supervisor/health"
)

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
	w.killNextSupervisor(t)
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

// killNextSupervisor kills the next supervisor, as soon as there is one.
func (w world) killNextSupervisor(t testing.TB) {
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

func TestAnEngineThatWasKilledWhileItDeletedATaskIsInNobodysWay(t *testing.T) {
	w := open(t)
	ctx := t.Context()
	id := w.up(t, w.container("web", forEver))
	// It gives the bundle another name first, and removes it then.
	rest := filepath.Join(w.cfg.Paths.EngineState(), "io.containerd.runtime.v2.task", "gocompose", "."+id, "work")
	if err := os.MkdirAll(rest, 0o700); err != nil {
		t.Fatal(err)
	}
	w.killEngine(t)
	for w.StopContainer(ctx, id, 0) != nil { // it is on its way back
		time.Sleep(10 * time.Millisecond)
	}
	if err := w.StartContainer(ctx, id); err != nil {
		t.Error(err)
	}
}
