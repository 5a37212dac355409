package supervisor

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
)

// awaiting awaits a container in the background.
func (b *bed) awaiting(ctx context.Context, id string, until project.Condition) chan ContainerStatus {
	got := make(chan ContainerStatus, 1)
	go func() {
		if s, ok := b.s.await(ctx, id, until); ok {
			got <- s
		}
		close(got)
	}()
	synctest.Wait()
	return got
}

func TestWhoIsAwaitedIsProbedAtOnce(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		began := time.Now()
		b.fake.set(func() {
			b.fake.probe = func(context.Context, string) (health.Result, error) {
				r := health.Result{Start: time.Now(), End: time.Now()}
				if time.Since(began) < 300*time.Millisecond {
					r.ExitCode = 1
				}
				return r, nil
			}
		})
		b.start("a", project.Restart{}, check(project.Healthcheck{Retries: 1}))
		b.start("other", project.Restart{}, check(project.Healthcheck{Retries: 1}))
		got := <-b.awaiting(b.t.Context(), "a", project.Healthy)
		if got.Health == nil || got.Health.Status != health.Healthy || time.Since(began) > 600*time.Millisecond {
			t.Errorf("%+v after %v", got.Health, time.Since(began))
		}
		if n := len(b.fake.probed("a")); n > 6 {
			t.Errorf("%d probes", n)
		}
		if n := len(b.fake.probed("other")); n > 0 {
			t.Errorf("%d probes of one that nobody awaits", n)
		}
	})
}

func TestWhenNobodyAwaitsItAnyMoreItHasItsTurns(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.answer(1, 0)
		b.start("a", project.Restart{}, check(project.Healthcheck{Interval: time.Hour}))
		ctx, cancel := context.WithCancel(b.t.Context())
		got := b.awaiting(ctx, "a", project.Ready)
		time.Sleep(time.Second)
		cancel()
		if _, ok := <-got; ok {
			t.Error("it was decided")
		}
		before := len(b.fake.probed("a"))
		time.Sleep(time.Hour - time.Minute)
		if n := len(b.fake.probed("a")) - before; n > 1 || before < 4 {
			t.Errorf("%d probes while it was awaited, %d since", before, n)
		}
	})
}

func TestAwaitedContainersComeFirst(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.answer(0, time.Second)
		b.kill()
		for i := range 30 { // all are overdue
			id := fmt.Sprint("c", i)
			b.fake.set(func() { b.fake.get(id).Health = check(project.Healthcheck{Interval: time.Second}) })
			b.fake.begin(id)
		}
		time.Sleep(time.Minute)
		b.supervise()
		began := time.Now()
		got := b.awaiting(b.t.Context(), "c17", project.Healthy)
		<-got
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("it waited %v", d)
		}
	})
}

func TestWhatIsAwaitedIsDecided(t *testing.T) {
	all := []project.Condition{project.Started, project.Healthy, project.Completed, project.Ready}
	checked := check(project.Healthcheck{})
	never := project.Condition("")
	for name, test := range map[string]struct {
		check *project.Healthcheck
		act   func(*bed)
		want  map[project.Condition]Phase // of the others it is not decided
	}{
		"it runs":               {nil, func(*bed) {}, map[project.Condition]Phase{project.Started: PhaseRunning, project.Healthy: PhaseRunning, project.Ready: PhaseRunning}},
		"it is not yet healthy": {checked, func(*bed) {}, map[project.Condition]Phase{project.Started: PhaseRunning}},
		"it ended": {nil, func(b *bed) {
			if err := b.fake.kept.Remove("a"); err != nil {
				b.t.Error(err)
			}
			b.crash("a", 0)
		}, map[project.Condition]Phase{never: PhaseAbsent}},
		"it is going to be restarted": {nil, func(b *bed) { b.crash("a", 0) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			watching(t, newFake(), func(b *bed) {
				b.answer(1, time.Second)
				b.start("a", project.Restart{Condition: project.RestartAlways, Delay: time.Hour}, test.check)
				test.act(b)
				ctx, cancel := context.WithCancel(b.t.Context())
				waits := map[project.Condition]chan ContainerStatus{}
				for _, until := range all {
					waits[until] = b.awaiting(ctx, "a", until)
				}
				time.Sleep(10 * time.Second)
				for until, got := range waits {
					want, decided := test.want[until]
					if all, ok := test.want[never]; ok {
						want, decided = all, true
					}
					select {
					case s := <-got:
						if !decided || s.Phase != want {
							t.Errorf("until %s: %s", until, s.Phase)
						}
					default:
						if decided {
							t.Errorf("until %s: not decided", until)
						}
					}
				}
				cancel()
				synctest.Wait()
			})
		})
	}
}

func TestAwaitingOneThatStarts(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.hold("a") // its process has not been seen
		started := b.awaiting(b.t.Context(), "a", project.Started)
		completed := b.awaiting(b.t.Context(), "a", project.Completed)
		time.Sleep(10 * time.Second)
		if len(started)+len(completed) > 0 {
			t.Error("it was decided too early")
		}
		b.fake.begin("a") // and its start is not told of
		time.Sleep(time.Millisecond)
		b.crash("a", 5)
		for _, got := range []chan ContainerStatus{started, completed} {
			if s := <-got; s.Phase != PhaseEnded && s.Phase != PhaseAbsent || s.ExitCode != 5 || s.Runs != 1 {
				t.Errorf("%+v", s)
			}
		}
		b.fake.begin("b") // without network, and its start is still under way
		if s := <-b.awaiting(b.t.Context(), "b", project.Started); s.Phase != PhaseRunning {
			t.Errorf("%+v", s)
		}
		if s := <-b.awaiting(b.t.Context(), "nobody", project.Started); s.Phase != PhaseAbsent {
			t.Errorf("%+v", s)
		}
	})
}
