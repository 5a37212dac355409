package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gocompose/gocompose/events"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
)

func check(c project.Healthcheck) *project.Healthcheck {
	c.Test = []string{project.TestExec, "true"}
	return project.EffectiveHealthcheck(&c, nil)
}

// answer has all containers answer a probe with that exit code after a time.
func (b *bed) answer(code int, took time.Duration) {
	b.fake.set(func() {
		b.fake.probe = func(ctx context.Context, _ string) (health.Result, error) {
			start := time.Now()
			if !pause(ctx, took) {
				return health.Result{}, ctx.Err()
			}
			return health.Result{Start: start, End: time.Now(), ExitCode: code, Output: "hello"}, nil
		}
	})
}

func (b *bed) wantHealth(id string, want health.Status) {
	b.t.Helper()
	synctest.Wait()
	if s := b.s.statusOf(id); s.Health == nil || s.Health.Status != want {
		b.t.Errorf("%s: %+v, want %s", id, s.Health, want)
	}
}

// until lets time pass until a container is in a phase.
func (b *bed) until(id string, want Phase) ContainerStatus {
	b.t.Helper()
	for range 10000 {
		if s := b.s.statusOf(id); s.Phase == want {
			return s
		}
		time.Sleep(10 * time.Millisecond)
	}
	return b.wantPhase(id, want)
}

// keepSubject has events of a container noted.
func (b *bed) keepSubject(id string) {
	b.t.Helper()
	if err := (events.Subject{ID: id}).Keep(b.s.cfg.Paths.Container(id)); err != nil {
		b.t.Fatal(err)
	}
}

// noted is what the journal tells of health. It is read as it is: a bubble's clock
// does not go with the kernel's notices.
func (b *bed) noted() string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.s.cfg.Paths.Events(), "journal"))
	if err != nil {
		b.t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		var e events.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			b.t.Fatal(err)
		}
		all = append(all, e.ID+strings.TrimPrefix(string(e.Action), "health_status:"))
	}
	return strings.Join(all, ", ")
}

func TestAContainerIsProbedWhenItIsDue(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.keepSubject("a")
		b.answer(1, time.Second)
		began := time.Now()
		b.start("a", project.Restart{}, check(project.Healthcheck{Interval: 10 * time.Second, Retries: 2}))
		b.wantHealth("a", health.Starting)
		time.Sleep(24 * time.Second)
		b.wantHealth("a", health.Unhealthy)
		b.answer(0, time.Second)
		time.Sleep(12 * time.Second)
		b.wantHealth("a", health.Healthy)
		if got, want := b.noted(), "a unhealthy, a healthy"; got != want {
			t.Errorf("noted %q, want %q", got, want)
		}
		for i, at := range b.fake.probed("a") {
			turn := time.Duration(i+1)*11*time.Second - time.Second
			if late := at.Sub(began) - turn; late < 0 || late > time.Duration(i+1)*time.Second {
				t.Errorf("probe %d after %v", i, at.Sub(began))
			}
		}
		if s := b.s.statusOf("a"); len(s.Health.Results) != 3 || s.Health.Results[0].Output != "hello" {
			t.Errorf("results: %+v", s.Health.Results)
		}
		b.crash("a", 1)
		if s := b.wantPhase("a", PhaseAbsent); s.Health != nil {
			t.Error("one that ended has a health")
		}
		if left, err := b.s.records.health.Names(); len(left) > 0 || err != nil {
			t.Errorf("left: %v (%v)", left, err)
		}
	})
}

func TestAPausedContainerIsNotProbed(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.answer(1, 5*time.Second)
		b.start("a", project.Restart{}, check(project.Healthcheck{Interval: 10 * time.Second, Retries: 1}))
		time.Sleep(12 * time.Second) // in the middle of a probe
		b.fake.pause("a", EventPaused)
		time.Sleep(time.Hour)
		b.wantHealth("a", health.Starting)
		if n := len(b.fake.probed("a")); n != 1 {
			t.Errorf("probed %d times", n)
		}
		resumed := time.Now()
		b.fake.pause("a", EventResumed)
		time.Sleep(20 * time.Second)
		b.wantHealth("a", health.Unhealthy)
		if at := b.fake.probed("a")[1]; at.Sub(resumed) < 10*time.Second {
			t.Errorf("probed %v after it went on", at.Sub(resumed))
		}
	})
}

func TestAContainerIsProbedAgainThatWasPausedWhenItsTurnHadCome(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.answer(0, 500*time.Millisecond) // and all slots are taken
		for i := range 20 * runtime.GOMAXPROCS(0) {
			b.start(fmt.Sprint("other", i), project.Restart{}, check(project.Healthcheck{Interval: time.Second}))
		}
		b.start("a", project.Restart{}, check(project.Healthcheck{Interval: 10 * time.Second}))
		for queued := false; !queued; time.Sleep(10 * time.Millisecond) {
			b.s.with("a", func(c *container) { queued = c.checkup.queued })
		}
		b.fake.pause("a", EventPaused)
		time.Sleep(time.Minute)
		before := len(b.fake.probed("a"))
		b.fake.pause("a", EventResumed)
		time.Sleep(time.Minute)
		if n := len(b.fake.probed("a")) - before; n == 0 {
			t.Error("it is not probed since it went on")
		}
	})
}

func TestProbesThatHangHoldUpNoOthers(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.fake.set(func() {
			b.fake.probe = func(ctx context.Context, id string) (health.Result, error) {
				start := time.Now()
				if id != "works" {
					pause(ctx, 30*time.Second)
				}
				return health.Result{Start: start, End: time.Now()}, ctx.Err()
			}
		})
		for i := range 5 * probesPerCPU * runtime.GOMAXPROCS(0) {
			b.start(fmt.Sprint("hangs", i), project.Restart{}, check(project.Healthcheck{Interval: time.Second}))
		}
		time.Sleep(10 * time.Second)
		b.start("works", project.Restart{}, check(project.Healthcheck{Interval: 10 * time.Second}))
		time.Sleep(15 * time.Second)
		b.wantHealth("works", health.Healthy)
	})
}

func TestFewerProcessorsDuringProbes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	watching(t, newFake(), func(b *bed) {
		b.answer(0, 500*time.Millisecond)
		for i := range 20 {
			b.start(fmt.Sprint("c", i), project.Restart{}, check(project.Healthcheck{Interval: time.Second}))
		}
		time.Sleep(1300 * time.Millisecond)
		runtime.GOMAXPROCS(1) // as when the process may use fewer of them from now on
		time.Sleep(time.Minute)
		b.wantHealth("c0", health.Healthy)
	})
}

func TestTheNextSupervisorKnowsTheHealth(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.answer(1, time.Second)
		b.start("a", project.Restart{}, check(project.Healthcheck{Interval: 10 * time.Second, Retries: 3}))
		time.Sleep(25 * time.Second)
		b.kill()
		b.supervise()
		if s := b.s.statusOf("a"); s.Health == nil || s.Health.FailingStreak != 2 || len(s.Health.Results) != 2 {
			t.Errorf("it knows %+v", s.Health)
		}
		time.Sleep(11 * time.Second)
		b.wantHealth("a", health.Unhealthy)
		b.kill()
		b.crash("a", 1)
		time.Sleep(time.Second)
		b.fake.begin("a")
		b.supervise()
		b.wantHealth("a", health.Starting)
	})
}

func TestAnUnhealthyContainerIsRestartedIfAskedFor(t *testing.T) {
	asked := project.Restart{Unhealthy: true, MaxAttempts: 2}
	watching(t, newFake(), func(b *bed) {
		b.answer(1, time.Second)
		b.start("asked", asked, check(project.Healthcheck{Interval: 10 * time.Second, Retries: 1}))
		b.start("not", always, check(project.Healthcheck{Interval: 10 * time.Second, Retries: 1}))
		if s := b.until("asked", PhaseRestarting); s.Reason != "unhealthy" {
			t.Errorf("because of %s", s.Reason)
		}
		time.Sleep(time.Minute)
		b.wantStarts("asked", 3)
		b.wantHealth("asked", health.Unhealthy) // and it is not stopped when it would stay so
		b.wantStarts("not", 1)
		b.wantHealth("not", health.Unhealthy)
		b.wantNothingWrong()
	})
	watching(t, newFake(), func(b *bed) { // killed between the stop and the start
		b.answer(1, time.Second)
		b.start("a", asked, check(project.Healthcheck{Interval: 10 * time.Second, Retries: 1}))
		b.until("a", PhaseRestarting)
		b.kill()
		b.supervise()
		time.Sleep(time.Second)
		b.wantStarts("a", 2)
	})
}

func TestWhatTheUserIsRestartingIsNotStoppedAfterwards(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.answer(1, time.Second)
		b.start("a", project.Restart{Unhealthy: true}, check(project.Healthcheck{Interval: 10 * time.Second, Retries: 1}))
		unlock := b.fake.lock("a")
		time.Sleep(15 * time.Second) // it takes its time to end, and becomes unhealthy meanwhile
		b.crash("a", 137)
		b.fake.begin("a")
		b.fake.tell(Event{ID: "a", Kind: EventStarted, At: time.Now()})
		began := b.fake.now("a").StartedAt
		b.answer(0, time.Second)
		time.Sleep(time.Second)
		unlock()
		time.Sleep(time.Minute)
		if c := b.fake.now("a"); !c.Running || !c.StartedAt.Equal(began) || c.stops != 1 {
			t.Errorf("stopped %d times, and %+v; the user started it at %v", c.stops, c.Container, began)
		}
	})
}

func TestProbesAreFewAtATimeAndSpread(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.answer(0, 20*time.Millisecond)
		for i := range 50 {
			b.start(fmt.Sprint("c", i), project.Restart{}, check(project.Healthcheck{Interval: 5 * time.Second}))
		}
		time.Sleep(time.Minute)
		b.fake.set(func() {
			if b.fake.mostAtOne != 1 || b.fake.most > probesPerCPU*runtime.GOMAXPROCS(0) {
				t.Errorf("%d at a time, %d of one container", b.fake.most, b.fake.mostAtOne)
			}
			at := map[time.Time]int{}
			for _, p := range b.fake.probes {
				at[p.at]++
			}
			if n := len(b.fake.probes); n < 500 || n > 600 || len(at) < n*9/10 {
				t.Errorf("%d probes in a minute, at %d times", n, len(at))
			}
		})
		b.s.mu.Lock()
		defer b.s.mu.Unlock()
		b.fake.set(func() {
			under := 0
			for _, n := range b.fake.inFlight {
				under += n
			}
			if b.s.probing != under {
				t.Errorf("%d under way, %d counted", under, b.s.probing)
			}
		})
	})
}

func TestProbesThatCannotBeMadeSayNothing(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.fake.set(func() {
			b.fake.probe = func(context.Context, string) (health.Result, error) {
				return health.Result{}, errors.New("out of memory")
			}
		})
		b.start("a", project.Restart{}, check(project.Healthcheck{Interval: time.Second, Retries: 1}))
		time.Sleep(10 * time.Minute)
		b.wantHealth("a", health.Starting)
		if n := len(b.fake.probed("a")); n < 30 || n > 80 {
			t.Errorf("tried %d times in ten minutes", n)
		}
		if p := b.s.report.list(); len(p) != 1 {
			t.Errorf("problems: %q", p)
		}
		b.answer(0, 0)
		time.Sleep(lastDelay)
		b.wantHealth("a", health.Healthy)
		b.wantNothingWrong()
	})
}

func TestAReaderFindsTheLatest(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		r := b.s.readers.join("")
		defer b.s.readers.leave(r)
		for _, id := range []string{"b", "a"} {
			b.start(id, always, nil)
		}
		for range 3 {
			time.Sleep(time.Second)
			b.crash("a", 1)
			time.Sleep(time.Second)
		}
		got := r.take()
		if ids := []string{got[0].ID, got[1].ID}; len(got) != 2 || !slices.Equal(ids, []string{"a", "b"}) {
			t.Fatalf("%v", got)
		}
		if a := got[0]; a.Phase != PhaseRunning || a.Runs < 4 || a.ExitCode != 1 || a.Restarts != 3 {
			t.Errorf("%+v", a)
		}
		if len(r.take()) > 0 {
			t.Error("the same again")
		}
	})
}

func BenchmarkProbes(b *testing.B) {
	fake := newFake()
	for i := range 50 {
		c := fake.get(fmt.Sprint("c", i))
		c.Running, c.StartedAt, c.Health = true, time.Now(), check(project.Healthcheck{Interval: time.Nanosecond})
	}
	dir := b.TempDir()
	s := newSupervisor(Config{Runtime: fake, Paths: layoutIn(dir), ListenDNS: listenSilently}.withDefaults())
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{}, 1)
	n := 0
	fake.probe = func(context.Context, string) (health.Result, error) {
		fake.mu.Lock()
		defer fake.mu.Unlock()
		fake.probes = fake.probes[:0]
		if n++; n == b.N {
			done <- struct{}{}
		}
		now := time.Now()
		return health.Result{Start: now, End: now, Output: "accepting connections\n"}, nil
	}
	b.ReportAllocs()
	b.ResetTimer()
	go func() { _ = s.watch(ctx) }()
	<-done
	b.StopTimer()
	cancel()
	s.closeAll()
	s.work.Wait()
}
