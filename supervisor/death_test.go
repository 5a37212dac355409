package supervisor

import (
	"slices"
	"testing"
	"time"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
)

func TestARestartIsNotLostWithTheSupervisor(t *testing.T) {
	for name, wait := range map[string]time.Duration{
		"at once": 0, "while it waits": 50 * time.Millisecond, "just before": firstBackOff - 1,
		"while it starts": firstBackOff + 5*time.Millisecond, "before it is counted": firstBackOff + 15*time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFake()
			watching(t, fake, func(b *bed) {
				b.start("a", always, nil)
				fake.set(func() { fake.startTime = 10 * time.Millisecond })
				time.Sleep(time.Second)
				b.crash("a", 1)
				time.Sleep(wait)
				b.kill()
				b.supervise()
				time.Sleep(200 * time.Millisecond)
				b.wantPhase("a", PhaseRunning)
				b.wantStarts("a", 2)
				time.Sleep(time.Hour)
				b.wantStarts("a", 2)
				b.wantNothingWrong()
			})
		})
	}
}

func TestAnEndThatNoSupervisorSawIsMadeUpFor(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		policies := map[string]project.Restart{
			"always": always, "failure": {Condition: project.RestartOnFailure}, "success": {Condition: project.RestartOnFailure}, "no": {},
		}
		for id, p := range policies {
			b.start(id, p, nil)
		}
		if err := b.fake.kept.Remove("no"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.kill()
		for id, code := range map[string]int{"always": 0, "failure": 1, "success": 0, "no": 1} {
			b.fake.exitWith(id, code)
		}
		time.Sleep(time.Minute)
		b.supervise()
		time.Sleep(time.Second)
		for id, want := range map[string]int{"always": 2, "failure": 2, "success": 1, "no": 1} {
			b.wantStarts(id, want)
		}
		b.wantNothingWrong()
	})
}

func TestARestartIsNotLostWithTheEngine(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", project.Restart{Condition: project.RestartAlways, MaxAttempts: 1}, nil)
		b.fake.set(func() { b.fake.broken = true })
		b.fake.die("a")
		time.Sleep(time.Hour)
		b.wantPhase("a", PhaseRunning) // nobody can tell
		b.fake.set(func() { b.fake.broken = false })
		time.Sleep(lastDelay + time.Second)
		b.wantPhase("a", PhaseRunning)
		b.wantStarts("a", 2)
		b.wantNothingWrong()
	})
}

func TestTheDeathOfTheEngineIsNoExit(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", always, nil)
		before := b.wantPhase("a", PhaseRunning)
		for range 5 {
			b.fake.die()
			time.Sleep(time.Minute)
		}
		if s := b.wantPhase("a", PhaseRunning); s.Runs != before.Runs || b.held() != 1 {
			t.Errorf("it was taken for run %d", s.Runs)
		}
		b.wantStarts("a", 1)
	})
}

// A container whose record is there before its process, and whose starter was
// killed then, is nobody's.
func TestAStartThatNeverCameIsForgotten(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.start("a", always, nil)
		if err := b.fake.userStop("a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		b.keep("a")
		b.kill()
		b.supervise()
		b.wantPhase("a", PhaseStarting)
		time.Sleep(2 * DefaultStartGrace)
		b.wantPhase("a", PhaseAbsent)
		b.wantStarts("a", 1)
		if kept, err := b.fake.kept.Names(); len(kept) > 0 || err != nil {
			t.Errorf("still to be kept running: %v (%v)", kept, err)
		}
	})
}

func TestARecordOfNoContainerGoes(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.kill()
		b.keep("gone")
		if err := b.s.records.writeHealth("gone", &checkup{run: health.Run{StartedAt: time.Now()}}); err != nil {
			t.Fatal(err)
		}
		b.supervise()
		time.Sleep(time.Second)
		kept, _ := b.fake.kept.Names()
		checked, _ := b.s.records.health.Names()
		if left := slices.Concat(kept, checked); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
}
