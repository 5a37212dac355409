package supervisor

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

// sharingPorts calls test with a supervisor, and container "a", which publishes
// ports, and rests when it starts.
func sharingPorts(t *testing.T, ports []endpoint.Port, test func(*bed)) {
	fake := newFake()
	fake.ports = map[string][]endpoint.Port{"a": ports}
	watching(t, fake, test)
}

// wantRests checks in what way the runtime was told to change the part that "a"
// takes, and what the supervisor and the record say of it now.
func (b *bed) wantRests(now bool, told ...bool) {
	b.t.Helper()
	synctest.Wait()
	var got []bool
	b.fake.set(func() {
		for _, r := range b.fake.rests {
			got = append(got, r.resting)
		}
	})
	if !slices.Equal(got, told) {
		b.t.Errorf("resting was told to be %v, want %v", got, told)
	}
	e, err := endpoint.Read(b.paths.Endpoints(), "a")
	if err != nil || e.Resting != now {
		b.t.Errorf("resting is %v in the record, want %v (%v)", e.Resting, now, err)
	}
	b.s.with("a", func(c *container) {
		if c.held == nil || c.held.endpoint.Resting != now {
			b.t.Errorf("held: %+v, want resting %v", c.held, now)
		}
	})
}

func (b *bed) listen(on ...uint16) { b.fake.set(func() { b.fake.listens = on }) }

func (b *bed) listenLooks() (n int) {
	b.fake.set(func() { n = len(b.fake.listenLooks) })
	return n
}

var twoTCP = []endpoint.Port{port(80, "tcp", "", 8080), port(443, "tcp", "", 8443), port(53, "udp", "", 5353), port(9000, "tcp", "", 0)}

func TestAReplicaTakesPartAsSoonAsItListens(t *testing.T) {
	sharingPorts(t, twoTCP, func(b *bed) {
		b.start("a", project.Restart{}, nil)
		time.Sleep(3 * time.Second)
		b.listen(80)
		time.Sleep(3 * time.Second)
		b.wantRests(true)
		b.listen(80, 443)
		time.Sleep(lastListen)
		b.wantRests(false, false)
		looks := b.listenLooks()
		if looks < 10 || looks > 25 {
			t.Errorf("looked %d times in six seconds", looks)
		}
		b.listen()
		time.Sleep(time.Hour)
		b.wantRests(false, false)
		if more := b.listenLooks() - looks; more > 0 {
			t.Errorf("looked %d times after it took part", more)
		}
		b.wantNothingWrong()
	})
}

func TestAReplicaThatListensAtOnceIsNotKeptWaiting(t *testing.T) {
	sharingPorts(t, twoTCP, func(b *bed) {
		b.start("a", project.Restart{}, nil)
		time.Sleep(20 * time.Millisecond)
		b.listen(80, 443)
		time.Sleep(30 * time.Millisecond)
		b.wantRests(false, false)
	})
}

func TestAReplicaThatNeverListensTakesPartInTheEnd(t *testing.T) {
	sharingPorts(t, twoTCP, func(b *bed) {
		b.start("a", project.Restart{}, nil)
		time.Sleep(listenTime - time.Second)
		b.wantRests(true)
		time.Sleep(2 * time.Second)
		b.wantRests(false, false)
	})
}

func TestPortsOfWhichNobodyCanTellTakePartAtOnce(t *testing.T) {
	sharingPorts(t, []endpoint.Port{port(53, "udp", "", 5353), port(80, "tcp", "", 0)}, func(b *bed) {
		b.start("a", project.Restart{}, nil)
		b.wantRests(false, false)
		if b.listenLooks() > 0 {
			t.Error("it was looked whether it listens")
		}
	})
}

func TestPortsThatNobodySharesAreLeftAlone(t *testing.T) {
	ranged := port(80, "tcp", "", 8000)
	ranged.PublishedEnd = 8010
	sharingPorts(t, []endpoint.Port{port(80, "tcp", "", 0), ranged}, func(b *bed) {
		b.start("a", project.Restart{}, nil)
		time.Sleep(time.Hour)
		b.wantRests(true)
		if b.listenLooks() > 0 {
			t.Error("it was looked whether it listens")
		}
	})
}

func TestAReplicaTakesPartWhileItIsHealthy(t *testing.T) {
	sharingPorts(t, twoTCP, func(b *bed) {
		b.listen(80, 443)
		b.answer(1, 0)
		b.start("a", project.Restart{}, check(project.Healthcheck{Interval: 10 * time.Second, Retries: 2}))
		time.Sleep(15 * time.Second)
		b.wantRests(true)
		b.answer(0, 0)
		time.Sleep(10 * time.Second)
		b.wantRests(false, false)
		b.answer(1, 0)
		time.Sleep(10 * time.Second)
		b.wantRests(false, false) // it has failed once
		time.Sleep(12 * time.Second)
		b.wantRests(true, false, true)
		b.answer(0, 0)
		time.Sleep(12 * time.Second)
		b.wantRests(false, false, true, false)
		if b.listenLooks() > 0 {
			t.Error("it was looked whether it listens")
		}
		b.wantNothingWrong()
	})
}

func TestAChangeThatFailsIsTriedAgain(t *testing.T) {
	sharingPorts(t, twoTCP, func(b *bed) {
		b.listen(80, 443)
		b.fake.set(func() { b.fake.refuseRests = 3 })
		b.start("a", project.Restart{}, nil)
		b.wantRests(true)
		if p := b.s.report.list(); len(p) != 1 {
			t.Errorf("problems: %q", p)
		}
		time.Sleep(time.Second)
		b.wantRests(false, false)
		b.wantNothingWrong()
		b.fake.set(func() { b.fake.refuseRests = 1 << 30 })
		if err := b.fake.userStop("a"); err != nil {
			t.Error(err)
		}
		b.start("a", project.Restart{}, nil)
		time.Sleep(time.Second)
		if p := b.s.report.list(); len(p) != 1 {
			t.Errorf("problems: %q", p)
		}
		b.crash("a", 0)
		b.wantNothingWrong() // that it never took part is past
	})
}

func TestTheNextSupervisorKnowsWhoRests(t *testing.T) {
	sharingPorts(t, twoTCP, func(b *bed) {
		b.start("a", project.Restart{}, nil)
		time.Sleep(time.Second)
		b.kill()
		b.supervise()
		time.Sleep(time.Second)
		b.wantRests(true)
		b.listen(80, 443)
		time.Sleep(time.Second)
		b.wantRests(false, false)
		b.kill()
		b.supervise()
		time.Sleep(time.Minute)
		b.wantRests(false, false)
		b.wantNothingWrong()
	})
}

func TestANewRunRestsUntilItListensItself(t *testing.T) {
	sharingPorts(t, twoTCP, func(b *bed) {
		b.listen(80, 443)
		b.start("a", always, nil)
		b.wantRests(false, false)
		b.listen()
		time.Sleep(time.Minute)
		b.crash("a", 1)
		time.Sleep(firstBackOff + time.Second)
		b.wantRests(true, false)
		b.listen(80, 443)
		time.Sleep(time.Second)
		b.wantRests(false, false, false)
		b.wantNothingWrong()
	})
}

// What is done for a run that has ended says nothing about the next one.
func TestAChangeForARunThatHasEndedIsForgotten(t *testing.T) {
	sharingPorts(t, twoTCP, func(b *bed) {
		b.listen(80, 443)
		b.fake.set(func() { b.fake.restTime = time.Second })
		b.start("a", always, nil)
		time.Sleep(time.Millisecond)
		b.listen()
		b.crash("a", 1) // in the middle of it
		b.fake.set(func() {
			if b.fake.resting > 0 {
				t.Error("it is still being made")
			}
		})
		time.Sleep(firstBackOff + 10*time.Second)
		b.wantRests(true)
		b.listen(80, 443)
		time.Sleep(2 * time.Second)
		b.wantRests(false, false)
		b.wantNothingWrong()
	})
}

func TestAChangeThatComesTooLateIsNotBelieved(t *testing.T) {
	sharingPorts(t, twoTCP, func(b *bed) {
		b.listen(80, 443)
		b.fake.set(func() { b.fake.restTime, b.fake.restsDeaf = time.Second, true })
		b.start("a", always, nil)
		time.Sleep(time.Millisecond)
		b.listen()
		b.crash("a", 1)
		time.Sleep(firstBackOff + 2*time.Second)
		b.listen(80, 443) // the next run
		time.Sleep(2 * time.Second)
		b.wantRests(false, false, false)
		b.wantNothingWrong()
	})
}

// The run was replaced by another without anybody seeing it end.
func TestAChangeForARunWhoseEndNobodySawIsForgotten(t *testing.T) {
	sharingPorts(t, twoTCP, func(b *bed) {
		b.listen(80, 443)
		b.fake.set(func() { b.fake.restTime = time.Hour })
		b.start("a", project.Restart{}, nil)
		time.Sleep(time.Millisecond)
		b.fake.set(func() { b.fake.get("a").Running = false })
		b.fake.begin("a")
		b.fake.tell(Event{ID: "a", Kind: EventStarted, At: time.Now()})
		synctest.Wait()
		b.fake.set(func() {
			if b.fake.resting != 1 {
				t.Errorf("%d changes are under way, want that of the new run", b.fake.resting)
			}
		})
	})
}

// Nobody can wait for the container while its part is being changed.
func TestAChangeKeepsNobodyWaiting(t *testing.T) {
	sharingPorts(t, twoTCP, func(b *bed) {
		b.listen(80, 443)
		b.fake.set(func() { b.fake.restTime = time.Hour })
		b.start("a", project.Restart{}, nil)
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(b.t.Context(), time.Second)
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := b.fake.userStop("a"); err != nil {
				t.Error(err)
			}
		}()
		select {
		case <-done:
		case <-ctx.Done():
			t.Fatal("a stop waits")
		}
		b.wantPhase("a", PhaseAbsent)
		b.wantNothingWrong()
	})
}
