package supervisor

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

var always = project.Restart{Condition: project.RestartAlways}

// start has the user start a container of that policy and health check.
func (b *bed) start(id string, policy project.Restart, check *project.Healthcheck) {
	b.t.Helper()
	b.fake.set(func() { b.fake.get(id).Restart, b.fake.get(id).Health = policy, check })
	if err := b.fake.userStart(b.t.Context(), id); err != nil {
		b.t.Error(err)
	}
	synctest.Wait()
}

func (b *bed) crash(id string, code int) {
	b.fake.exitWith(id, code)
	synctest.Wait()
}

// wantPhase checks how a container is, and returns what else is told of it.
func (b *bed) wantPhase(id string, want Phase) ContainerStatus {
	b.t.Helper()
	synctest.Wait()
	got := b.s.statusOf(id)
	if got.Phase != want {
		b.t.Errorf("%s is %s, want %s", id, got.Phase, want)
	}
	return got
}

func (b *bed) wantStarts(id string, want int) {
	b.t.Helper()
	synctest.Wait()
	if got := len(b.fake.now(id).starts); got != want {
		b.t.Errorf("%s was started %d times, want %d", id, got, want)
	}
}

func (b *bed) wantNothingWrong() {
	b.t.Helper()
	b.fake.set(func() {
		for _, w := range b.fake.wrong {
			b.t.Error(w)
		}
	})
	if p := b.s.report.list(); len(p) > 0 {
		b.t.Errorf("problems: %q", p)
	}
}

func TestAContainerIsRestartedWithDockersDelays(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", always, nil)
		for i := range 12 {
			ended := time.Now()
			b.crash("a", 3)
			s := b.wantPhase("a", PhaseRestarting)
			want := min(firstBackOff<<i, lastBackOff)
			if s.Reason != "exited (3)" || s.ExitCode != 3 || s.Restarts != i || !s.RestartAt.Equal(ended.Add(want)) || !s.ExitedAt.Equal(ended) {
				t.Errorf("after %d restarts: %+v", i, s)
			}
			time.Sleep(want - time.Millisecond)
			b.wantStarts("a", i+1)
			time.Sleep(time.Millisecond)
			b.wantStarts("a", i+2)
			if s := b.wantPhase("a", PhaseRunning); s.Restarts != i+1 || s.Runs != i+2 || s.ExitCode != 3 {
				t.Errorf("after restart %d: %+v", i+1, s)
			}
			if b.held() != 1 {
				t.Error("it is not held")
			}
		}
		time.Sleep(longRun)
		b.crash("a", 0)
		time.Sleep(firstBackOff)
		b.wantStarts("a", 14)
		b.wantNothingWrong()
	})
}

func TestOnFailureIsEnoughAfterItsAttempts(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", project.Restart{Condition: project.RestartOnFailure, MaxAttempts: 2}, nil)
		for range 3 {
			b.crash("a", 1)
			time.Sleep(time.Second)
		}
		b.wantStarts("a", 3)
		if s := b.wantPhase("a", PhaseAbsent); s.ExitCode != 1 || s.Runs != 3 {
			t.Errorf("%+v", s)
		}
		b.start("b", project.Restart{Condition: project.RestartOnFailure}, nil)
		b.crash("b", 0)
		b.wantPhase("b", PhaseAbsent)
		if kept, err := b.fake.kept.Names(); len(kept) > 0 || err != nil {
			t.Errorf("still to be kept running: %v (%v)", kept, err)
		}
		time.Sleep(2 * DefaultIdleAfter)
		b.wantEnd(errLeaving)
	})
}

func TestARecordThatACommandHasLeftThatWasKilledAtOnceIsGivenUp(t *testing.T) {
	fake := newFake()
	fake.get("a").Restart = always
	watching(t, fake, func(b *bed) {
		b.keep("a")
		time.Sleep(5 * time.Minute)
		if kept, err := b.fake.kept.Names(); len(kept) > 0 || err != nil {
			t.Errorf("still to be kept running: %v (%v)", kept, err)
		}
		b.wantStarts("a", 0)
		b.wantEnd(errLeaving)
	})
}

func TestAClockThatIsSetBackEndsNothing(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", always, nil)
		record, err := b.fake.kept.Read("a")
		if err != nil {
			t.Fatal(err)
		}
		record.Since = record.Since.Add(2 * time.Hour) // it was that much ahead
		if err := b.fake.kept.Write("a", record); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.crash("a", 1)
		b.wantPhase("a", PhaseRestarting)
		b.kill()
		b.supervise()
		time.Sleep(2 * DefaultStartGrace)
		b.wantStarts("a", 2)
		b.wantNothingWrong()
	})
}

func TestWhatTheUserStopsIsNotRestarted(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		for _, id := range []string{"running", "waiting"} {
			b.start(id, always, nil)
		}
		b.crash("waiting", 1)
		b.wantPhase("waiting", PhaseRestarting)
		for _, id := range []string{"running", "waiting"} {
			if err := b.fake.userStop(id); err != nil {
				t.Error(err)
			}
		}
		if s := b.wantPhase("running", PhaseAbsent); s.ExitCode != 143 {
			t.Errorf("its exit code is %d", s.ExitCode)
		}
		b.wantPhase("waiting", PhaseAbsent)
		time.Sleep(time.Hour)
		b.wantStarts("running", 1)
		b.wantStarts("waiting", 1)
		b.wantNothingWrong()
	})
}

func TestAStartByTheUserCancelsTheWait(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", project.Restart{Condition: project.RestartAlways, Delay: time.Minute}, nil)
		b.crash("a", 1)
		time.Sleep(time.Second)
		b.start("a", project.Restart{Condition: project.RestartAlways, Delay: time.Minute}, nil)
		if s := b.wantPhase("a", PhaseRunning); s.Restarts != 0 {
			t.Errorf("restarted %d times", s.Restarts)
		}
		time.Sleep(time.Hour)
		b.wantStarts("a", 2)
		b.wantNothingWrong()
	})
}

func TestAContainerThatWaitsForItsRestartNeedsTheSupervisor(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", project.Restart{Condition: project.RestartAlways, Delay: time.Hour}, nil)
		b.crash("a", 1)
		time.Sleep(time.Hour - time.Second)
		b.wantEnd(nil)
		time.Sleep(2 * time.Second)
		b.wantStarts("a", 2)
	})
}

func TestAStartThatFailsIsTriedAgain(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", always, nil)
		b.fake.set(func() { b.fake.broke = 2 })
		b.crash("a", 1)
		time.Sleep(firstBackOff)
		s := b.wantPhase("a", PhaseRestarting)
		if want := time.Now().Add(2 * firstBackOff); !s.RestartAt.Equal(want) || s.Reason != "no such device" {
			t.Errorf("again in %v because of %s", time.Until(s.RestartAt), s.Reason)
		}
		if p := b.s.report.list(); len(p) != 1 || !strings.Contains(p[0], "no such device") {
			t.Errorf("problems: %q", p)
		}
		time.Sleep(6 * firstBackOff)
		b.wantStarts("a", 2)
		if s := b.wantPhase("a", PhaseRunning); s.Restarts != 3 {
			t.Errorf("%d restarts", s.Restarts)
		}
		b.wantNothingWrong()
	})
}

func TestAStartThatAlwaysFailsIsGivenUp(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", project.Restart{Condition: project.RestartAlways, MaxAttempts: 3}, nil)
		b.fake.set(func() { b.fake.broke = 1000 })
		b.crash("a", 0)
		time.Sleep(time.Minute)
		b.wantPhase("a", PhaseAbsent)
		b.fake.set(func() {
			if tried := 1000 - b.fake.broke; tried != 3 {
				t.Errorf("tried %d times", tried)
			}
		})
		b.wantNothingWrong()
	})
}

func TestAContainerWithoutNetworkIsRestartedToo(t *testing.T) {
	fake := newFake("a")
	fake.get("a").Restart = always
	watching(t, fake, func(b *bed) {
		fake.set(func() { fake.get("a").StartedAt = time.Now() })
		b.keep("a")
		b.crash("a", 1)
		b.wantPhase("a", PhaseRestarting)
		time.Sleep(firstBackOff)
		b.wantStarts("a", 1)
		b.wantPhase("a", PhaseRunning)
	})
}

func TestARunThatNobodySawIsARun(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.hold("a")
		time.Sleep(time.Millisecond)
		b.fake.begin("a") // and nobody is told
		b.crash("a", 7)
		if s := b.wantPhase("a", PhaseAbsent); s.ExitCode != 7 || s.Runs != 1 {
			t.Errorf("%+v", s)
		}
		b.fake.tell(Event{ID: "a", Kind: EventExited, At: time.Now()}) // once more
		if s := b.wantPhase("a", PhaseAbsent); s.Runs != 1 {
			t.Errorf("one exit was taken for two: %+v", s)
		}
	})
}

func TestAPausedContainerIsPaused(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", always, nil)
		b.fake.pause("a", EventPaused)
		b.wantPhase("a", PhasePaused)
		b.fake.pause("a", EventResumed)
		b.wantPhase("a", PhaseRunning)
	})
}

func TestOneEventCostsOneLook(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", always, nil)
		looks, one := b.fake.looks, b.fake.oneLooks
		for i := range 50 {
			b.start(fmt.Sprint("c", i), always, nil)
		}
		b.fake.set(func() {
			if b.fake.looks != looks || b.fake.oneLooks-one != 50 {
				t.Errorf("50 starts took %d looks at all and %d at one", b.fake.looks-looks, b.fake.oneLooks-one)
			}
		})
	})
}

func TestWhatWasSeenTooEarlyDoesNotCount(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", project.Restart{}, nil)
		if err := b.fake.kept.Remove("a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		b.fake.set(func() {
			b.fake.meanwhile = func() { // the user starts it while its end is looked at
				b.s.with("a", func(c *container) { _, _ = c.hold(b.t.Context(), b.s.names, plain("a", "10.0.0.2")) })
			}
		})
		b.crash("a", 0)
		b.wantPhase("a", PhaseStarting)
		b.fake.begin("a")
		b.fake.tell(Event{ID: "a", Kind: EventStarted, At: time.Now()})
		b.wantPhase("a", PhaseRunning)
		if b.held() != 1 {
			t.Error("it is not held")
		}
	})
}

// An engine that is just coming back may not know yet what runs.
func TestOneThatWasTakenForDeadIsServedAgain(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", always, nil)
		time.Sleep(time.Second)
		first := b.wantPhase("a", PhaseRunning)
		b.fake.set(func() { b.fake.get("a").Running = false })
		b.fake.tell(Event{ID: "a", Kind: EventExited, At: time.Now()})
		b.wantPhase("a", PhaseRestarting)
		b.fake.set(func() { b.fake.get("a").Running = true })
		// What was cleaned up in between is gone; the runtime cleans up only
		// behind what does not run.
		if err := endpoint.Write(b.paths.Endpoints(), plain("a", "10.0.0.2")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(firstBackOff)
		if s := b.wantPhase("a", PhaseRunning); s.Runs != first.Runs || b.held() != 1 {
			t.Errorf("%+v, %d held", s, b.held())
		}
		b.wantStarts("a", 1)
	})
}
