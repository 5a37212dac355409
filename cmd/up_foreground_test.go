package cmd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor"
)

// rehearsal is an up in the foreground in a world that a script makes.
type rehearsal struct {
	*foreground
	t     *testing.T
	world *fakeWorld
	out   *screen
	again chan struct{}

	interrupt context.CancelCauseFunc
	result    chan error

	mu    sync.Mutex
	calls []string
}

// rehearse begins up of web and db. Stopping ends what runs with code 0, killing
// with 137; done is called instead of applying the plan.
func rehearse(t *testing.T, m upMode, done func(context.Context, *rehearsal) error) *rehearsal {
	w, out := newFakeWorld(t), &screen{}
	r := &rehearsal{t: t, world: w, out: out, again: make(chan struct{}), result: make(chan error, 1)}
	if err := m.complete(false); err != nil {
		t.Fatal(err)
	}
	at := attach(w, out, "web", "db")
	r.foreground = &foreground{
		attachment: at, abort: func(ends []end) *end { return m.abort(ends, nil) }, code: m.code, again: r.again,
		say: func(text string) { _, _ = out.Write([]byte(text + "\n")) },
		apply: func(ctx context.Context) error {
			r.note("apply")
			if err := at.attach(ctx); err != nil {
				return err
			}
			return done(ctx, r)
		},
		stop: func(context.Context) error { r.note("stop"); r.endAll(0); return nil },
		kill: func(context.Context) error { r.note("kill"); r.endAll(137); return nil },
	}
	return r
}

func (r *rehearsal) start() {
	ctx, cancel := context.WithCancelCause(r.t.Context())
	r.interrupt = cancel
	go func() { r.result <- r.run(ctx) }()
}

func (r *rehearsal) note(call string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call)
}

// endAll ends what runs, as stopping does: nobody has told of it yet when that
// returns.
func (r *rehearsal) endAll(code int) {
	infos, _ := r.world.Containers(r.t.Context(), "shop")
	for _, i := range infos {
		if i.Running() {
			r.world.ends(i.ID, code)
		}
	}
}

// ended waits for the end and returns the exit code.
func (r *rehearsal) ended(calls ...string) (int, error) {
	r.t.Helper()
	var err error
	select {
	case err = <-r.result:
	case <-time.After(patienceOfTests):
		r.t.Fatalf("it does not end; there is\n%s", r.out)
	}
	if !slices.Equal(r.calls, calls) {
		r.t.Errorf("did %v, want %v", r.calls, calls)
	}
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		return exit.code, exit.cause
	case err != nil:
		return exitFailure, err
	}
	return exitOK, nil
}

// both starts web-1 and db-1.
func both(_ context.Context, r *rehearsal) error {
	for _, id := range []string{"web-1", "db-1"} {
		r.world.make(id)
		r.world.runs(id)
		r.world.print(id, logs.Stdout, "up\n")
	}
	return nil
}

func (r *rehearsal) expectEnd(code int, calls ...string) {
	r.t.Helper()
	if got, err := r.ended(calls...); got != code || err != nil {
		r.t.Errorf("exit code %d, want %d; %v", got, code, err)
	}
}

func TestUpEndsWhenAllHaveEndedEvenBadly(t *testing.T) {
	r := rehearse(t, upMode{}, both)
	r.start()
	r.out.shows(t, "db-1   | up\n")
	r.world.exits("web-1", 3)
	r.out.shows(t, "web-1 exited with code 3\n")
	r.world.exits("db-1", 4)
	r.expectEnd(exitOK, "apply")
}

func TestCtrlCStopsGracefully(t *testing.T) {
	r := rehearse(t, upMode{}, both)
	r.start()
	r.out.shows(t, "db-1   | up\n")
	r.interrupt(errInterrupted)
	r.expectEnd(exitInterrupted, "apply", "stop")
	for _, want := range []string{sayStopping + "\n", "web-1 exited with code 0\n", "db-1 exited with code 0\n"} {
		if strings.Count(r.out.String(), want) != 1 {
			t.Errorf("%q is not once in\n%s", want, r.out)
		}
	}
}

func TestASecondCtrlCKillsWhatIsBeingStopped(t *testing.T) {
	r := rehearse(t, upMode{}, both)
	stopping := make(chan struct{})
	r.stop = func(ctx context.Context) error {
		r.note("stop")
		close(stopping)
		<-ctx.Done()
		return &executor.ApplyError{Interrupted: context.Cause(ctx)}
	}
	r.kill = func(context.Context) error { // who kills does not wait for the end
		r.note("kill")
		go func() {
			r.endAll(137)
			r.world.tells("web-1", supervisor.PhaseAbsent)
			r.world.tells("db-1", supervisor.PhaseAbsent)
		}()
		return nil
	}
	r.start()
	r.out.shows(t, "db-1   | up\n")
	r.interrupt(errInterrupted)
	<-stopping
	r.again <- struct{}{}
	r.expectEnd(exitInterrupted, "apply", "stop", "kill")
	if got := strings.Count(r.out.String(), "exited with code 137\n"); got != 2 {
		t.Errorf("there is\n%s", r.out)
	}
}

func TestCtrlCWhileStartingStopsWhatWasStarted(t *testing.T) {
	broken := &executor.StepError{Op: planner.StartContainer{}, Err: errors.Join(context.Canceled, errors.New("cleaning up failed"))}
	r := rehearse(t, upMode{}, func(ctx context.Context, r *rehearsal) error {
		_ = both(ctx, r)
		r.interrupt(errInterrupted)
		<-ctx.Done()
		return &executor.ApplyError{Failed: []*executor.StepError{broken}, Interrupted: context.Cause(ctx)}
	})
	r.start()
	code, err := r.ended("apply", "stop")
	if code != exitInterrupted || err == nil || !strings.HasSuffix(err.Error(), ": cleaning up failed") {
		t.Errorf("exit code %d, %v", code, err)
	}
}

// Who waits for another command to end and changes his mind has nothing to stop.
func TestCtrlCBeforeAnythingIsDoneStopsNothing(t *testing.T) {
	r := rehearse(t, upMode{}, nil)
	waiting := make(chan struct{})
	r.apply = func(ctx context.Context) error {
		close(waiting)
		<-ctx.Done()
		return context.Cause(ctx)
	}
	r.start()
	<-waiting
	r.interrupt(errInterrupted)
	if _, err := r.ended(); !errors.Is(err, errInterrupted) {
		t.Error(err)
	}
}

func TestWhatFailsWhileStartingLeavesTheRestRunning(t *testing.T) {
	cause := errors.New("dependency failed to start")
	r := rehearse(t, upMode{}, func(ctx context.Context, r *rehearsal) error {
		_ = both(ctx, r)
		r.world.print("db-1", logs.Stderr, "no space left\n")
		return cause
	})
	r.start()
	if code, err := r.ended("apply"); code != exitFailure || !errors.Is(err, cause) {
		t.Errorf("exit code %d, %v", code, err)
	}
	if !strings.Contains(r.out.String(), "db-1   | no space left\n") {
		t.Errorf("there is\n%s", r.out)
	}
}

func TestTheEndOfOneIsTheEndOfAllWhenAsked(t *testing.T) {
	for _, c := range []struct {
		name           string
		mode           upMode
		first, expects int
	}{
		{"the first one counts", upMode{abortOnExit: true}, 3, 3},
		{"though it is a success", upMode{abortOnExit: true}, 0, 0},
		{"the first failure counts", upMode{abortOnFailure: true}, 5, 5},
		{"another one's code", upMode{exitCodeFrom: "db"}, 3, 143},
		{"its own code", upMode{exitCodeFrom: "web"}, 6, 6},
		{"its own code when failures abort", upMode{exitCodeFrom: "db", abortOnFailure: true}, 6, 143},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rehearse(t, c.mode, both)
			r.stop = func(context.Context) error { r.note("stop"); r.endAll(143); return nil }
			r.start()
			r.out.shows(t, "db-1   | up\n")
			r.world.ends("web-1", 1)
			r.world.tells("web-1", supervisor.PhaseRestarting) // which is no end
			r.world.runs("web-1")
			r.world.exits("web-1", c.first)
			r.expectEnd(c.expects, "apply", "stop")
			if !strings.Contains(r.out.String(), sayAborting+"\n") || !strings.Contains(r.out.String(), "db-1 exited with code 143\n") {
				t.Errorf("there is\n%s", r.out)
			}
		})
	}
}

func TestASuccessIsNoFailureToAbortOn(t *testing.T) {
	r := rehearse(t, upMode{abortOnFailure: true}, both)
	r.start()
	r.out.shows(t, "db-1   | up\n")
	r.world.exits("web-1", 0)
	r.world.exits("db-1", 0)
	r.expectEnd(exitOK, "apply")
}

// A container ends while others are still waited for.
func TestAnAbortNeedNotWaitUntilAllIsStarted(t *testing.T) {
	r := rehearse(t, upMode{abortOnExit: true}, func(ctx context.Context, r *rehearsal) error {
		_ = both(ctx, r)
		r.world.exits("web-1", 2)
		<-ctx.Done()
		return &executor.ApplyError{Interrupted: context.Cause(ctx)}
	})
	r.start()
	r.expectEnd(2, "apply", "stop")
}

// The plan fails because of the very end that nobody has told of yet.
func TestAFailureThatIsAnEndAborts(t *testing.T) {
	why := &planner.AwaitError{Container: "shop-web-1", Service: "web", Until: project.Completed, Exited: true, ExitCode: 3}
	r := rehearse(t, upMode{abortOnFailure: true}, func(ctx context.Context, r *rehearsal) error {
		_ = both(ctx, r)
		r.world.ends("web-1", 3)
		return why
	})
	r.start()
	if code, err := r.ended("apply", "stop"); code != 3 || !errors.Is(err, why) {
		t.Errorf("exit code %d, %v", code, err)
	}
}

func TestPatienceBeginsWithTheFirstWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, end := withPatience(t.Context(), 5*time.Second)
		defer end()
		event := func(op planner.Op) { p.event(executor.Event{Op: op, Phase: executor.Running}) }
		event(planner.PullImage{})
		time.Sleep(time.Hour)
		if p.Err() != nil {
			t.Fatal(p.Err())
		}
		event(planner.AwaitContainer{})
		time.Sleep(4 * time.Second)
		event(planner.AwaitContainer{})
		time.Sleep(2 * time.Second)
		if !errors.Is(p.Err(), context.DeadlineExceeded) || context.Cause(p).Error() != "application not healthy after 5s" {
			t.Errorf("%v: %v", p.Err(), context.Cause(p))
		}
	})
}

func TestPatienceIsNoCauseWhenTheUserEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	p, end := withPatience(ctx, time.Hour)
	defer end()
	cancel(errInterrupted)
	if !errors.Is(p.Err(), context.Canceled) || !errors.Is(context.Cause(p), errInterrupted) {
		t.Errorf("%v: %v", p.Err(), context.Cause(p))
	}
}

func TestWhatUpIsAttachedTo(t *testing.T) {
	service := func(name string, replicas int) project.Service {
		return project.Service{Name: name, Replicas: replicas, Template: project.Container{Project: "shop", Service: name}}
	}
	quiet := service("quiet", 1)
	quiet.NoAttach = true
	all := &project.Project{Name: "shop", Services: []project.Service{service("db", 1), quiet, service("web", 2)}, Known: []string{"db", "quiet", "web"}}
	for _, c := range []struct {
		name                   string
		mode                   upMode
		named                  []string
		shown, minded, stopped string
	}{
		{"all", upMode{}, nil, "db web", "db web", "db quiet web"},
		{"named ones, not what they need", upMode{}, []string{"web"}, "web", "web", "web"},
		{"what they need too", upMode{attachDependencies: true}, []string{"web"}, "db web", "web", "web"},
		{"only those asked for", upMode{attach: []string{"quiet"}}, nil, "quiet", "quiet", "db quiet web"},
		{"not these", upMode{noAttach: []string{"web"}}, nil, "db", "db", "db quiet web"},
		{"asked for and not", upMode{attach: []string{"web", "db"}, noAttach: []string{"web"}}, nil, "db", "db", "db quiet web"},
		{"none", upMode{noAttach: []string{"web", "db"}}, nil, "", "db quiet web", "db quiet web"},
		{"a code of what is needed", upMode{exitCodeFrom: "db"}, []string{"web"}, "web", "db web", "db web"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, err := c.mode.attachSet(all, c.named)
			if err != nil {
				t.Fatal(err)
			}
			in := func(has func(string, int) bool) string {
				var names []string
				for _, s := range all.Services {
					if has(s.Name, 1) {
						names = append(names, s.Name)
					}
				}
				return strings.Join(names, " ")
			}
			slices.Sort(set.selected)
			if got := []string{in(set.shows), in(set.minds), strings.Join(set.selected, " ")}; !slices.Equal(got, []string{c.shown, c.minded, c.stopped}) {
				t.Errorf("shown, minded, stopped: %q", got)
			}
		})
	}
}

func TestAJobThatHasSucceededEndsNothing(t *testing.T) {
	p := &project.Project{Services: []project.Service{{Name: "job", Job: true}, {Name: "web"}}}
	for _, c := range []struct {
		name string
		mode upMode
		ends []end
		want string // whose end it is; "": nobody's
	}{
		{"a job", upMode{abortOnExit: true}, []end{{service: "job"}}, ""},
		{"another after a job", upMode{abortOnExit: true}, []end{{service: "job"}, {service: "web"}}, "web"},
		{"a job that failed", upMode{abortOnExit: true}, []end{{service: "job", code: 1}}, "job"},
		{"a job that failed, of failures", upMode{abortOnFailure: true}, []end{{service: "web"}, {service: "job", code: 1}}, "job"},
		{"a job whose code is asked for", upMode{abortOnExit: true, exitCodeFrom: "job"}, []end{{service: "job"}}, "job"},
	} {
		set, err := c.mode.attachSet(c.mode.running(p), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if e := c.mode.abort(c.ends, set.jobs); e != nil {
			got = e.service
		}
		if got != c.want {
			t.Errorf("%s: up ends with %q, want %q", c.name, got, c.want)
		}
	}
}
