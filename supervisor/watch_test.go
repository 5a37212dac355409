package supervisor

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/supervisor/keep"
)

// bed is a supervisor without an API, that watches a fake engine, in a bubble
// of time.
type bed struct {
	t      *testing.T
	paths  paths.Paths
	s      *supervisor
	fake   *fakeRuntime
	cancel func()
	end    chan error // what watching returned
}

// watching calls test with a supervisor that watches.
func watching(t *testing.T, fake *fakeRuntime, test func(*bed)) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, fake)
		b.supervise()
		test(b)
		b.kill()
	})
}

func newBed(t *testing.T, fake *fakeRuntime) *bed {
	b := &bed{t: t, fake: fake, paths: layoutIn(t.TempDir())}
	kept := keep.In(b.paths.Kept())
	fake.kept = &kept
	return b
}

func layoutIn(dir string) paths.Paths { return paths.Paths{Root: dir + "/root", State: dir + "/state"} }

// supervise starts the next supervisor, as Run does, without an API.
func (b *bed) supervise() {
	b.s = newSupervisor(Config{
		Runtime: b.fake, Paths: b.paths, Log: io.Discard, ListenDNS: listenSilently, Listening: b.fake.listening,
	}.withDefaults())
	b.s.names.sockets.open = bindNothing
	b.fake.set(func() { b.fake.server = b.s })
	b.end = make(chan error, 1)
	ctx, cancel := context.WithCancel(b.t.Context())
	if err := b.s.restore(ctx); err != nil {
		b.t.Error(err)
	}
	watched := make(chan struct{})
	go func(s *supervisor, end chan error) {
		end <- s.watch(ctx)
		close(watched)
	}(b.s, b.end)
	b.cancel = func() {
		cancel()
		<-watched
	}
	synctest.Wait()
}

// kill ends the supervisor in whatever it is at.
func (b *bed) kill() {
	b.cancel()
	b.s.closeAll()
	b.s.work.Wait()
	synctest.Wait()
}

func (b *bed) hold(id string) {
	b.t.Helper()
	b.s.with(id, func(c *container) {
		if _, err := c.hold(b.t.Context(), b.s.names, plain(id, "10.0.0.2")); err != nil {
			b.t.Error(err)
		}
	})
	synctest.Wait()
}

func (b *bed) begin(id string) {
	b.fake.begin(id)
	b.hold(id)
}

func (b *bed) held() int {
	synctest.Wait()
	return b.s.names.table.Len()
}

func (b *bed) wantReleased(want ...string) {
	b.t.Helper()
	synctest.Wait()
	got := b.fake.releases()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		b.t.Errorf("cleaned up behind %v, want %v", got, want)
	}
}

func TestWhatAContainerHeldGoesWhenItExits(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.begin("a")
		b.begin("b")
		b.fake.exit("a")
		b.wantReleased("a")
		if b.held() != 1 || len(b.s.known()) != 1 {
			t.Errorf("%d held, known %v", b.held(), b.s.known())
		}
		b.fake.tell(Event{ID: "a", Kind: EventExited, At: time.Now()}) // once more
		b.fake.exit("b")
		if b.held() != 0 || len(b.s.known()) != 0 {
			t.Errorf("%d held, known %v", b.held(), b.s.known())
		}
	})
}

func TestAContainerWithoutNetworkIsCleanedUpToo(t *testing.T) {
	watching(t, newFake("early"), func(b *bed) {
		b.fake.begin("late")
		b.fake.exit("late")
		b.fake.exit("early")
		b.wantReleased("early", "late")
	})
}

func TestAnExitFromBeforeTheHoldIsAnOldStory(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		old := Event{ID: "a", Kind: EventExited, At: time.Now()}
		time.Sleep(time.Second)
		b.hold("a") // its process is about to start
		b.fake.tell(old)
		b.wantReleased()
		if b.held() != 1 {
			t.Error("it is not held any more")
		}
	})
}

func TestAnExitOfOneThatLivesAgainIsIgnored(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.begin("a")
		b.fake.tell(Event{ID: "a", Kind: EventExited, At: time.Now()})
		b.wantReleased()
		if b.held() != 1 {
			t.Error("it is not held any more")
		}
	})
}

func TestACommandThatDiedBeforeTheProcessBeganLeavesNothing(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.hold("a")
		time.Sleep(DefaultStartGrace - time.Second)
		b.wantReleased()
		time.Sleep(2 * time.Second)
		b.wantReleased("a")
		if b.held() != 0 {
			t.Error("it is still held")
		}
	})
}

func TestExitsThatNobodyToldOfAreFound(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		for _, id := range []string{"a", "b", "c"} {
			b.begin(id)
		}
		b.fake.tell(Event{ID: "a", Kind: EventExited}) // makes it look; all live
		synctest.Wait()
		b.fake.die("a", "c")
		b.wantReleased("a", "c")
		if got := len(b.fake.restores()); got != 2 {
			t.Errorf("the engine was restored %d times, want at the start and after its death", got)
		}
		b.fake.exit("b") // the new stream is heard
		b.wantReleased("a", "b", "c")
	})
}

func TestAnEngineThatStaysDownIsTriedLessAndLess(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.begin("a")
		b.fake.set(func() { b.fake.broken = true })
		b.fake.die()
		time.Sleep(10 * time.Minute)
		tries := b.fake.restores()
		if n := len(tries); n < 30 || n > 80 {
			t.Errorf("%d tries in ten minutes", n)
		}
		if len(b.s.report.list()) == 0 {
			t.Error("no problem is reported")
		}
		if b.held() != 1 {
			t.Error("names and ports went with the engine")
		}
		b.fake.set(func() { b.fake.broken = false })
		time.Sleep(lastDelay)
		b.fake.exit("a")
		b.wantReleased("a")
		if p := b.s.report.list(); len(p) != 0 {
			t.Errorf("problems are left: %v", p)
		}
	})
}

func TestCleaningUpIsTriedUntilItWorks(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.begin("a")
		b.fake.set(func() { b.fake.refuse = 3 })
		b.fake.exit("a")
		if b.held() != 0 {
			t.Error("the names outlived the process")
		}
		time.Sleep(time.Minute)
		b.wantReleased("a", "a", "a", "a")
		if len(b.s.known()) != 0 || len(b.s.report.list()) != 0 {
			t.Errorf("left: %v %v", b.s.known(), b.s.report.list())
		}
	})
}

func TestCleaningUpStopsWhenTheContainerIsStartedAgain(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.begin("a")
		b.fake.set(func() { b.fake.refuse = 1 << 30 })
		b.fake.exit("a")
		b.begin("a")
		time.Sleep(time.Minute)
		if n := len(b.fake.releases()); n > 2 {
			t.Errorf("cleaned up %d times behind a container that runs", n)
		}
		if b.held() != 1 {
			t.Error("it is not held")
		}
	})
}

func (b *bed) wantEnd(want error) {
	b.t.Helper()
	synctest.Wait()
	select {
	case err := <-b.end:
		if want == nil || !errors.Is(err, want) {
			b.t.Errorf("watching ended: %v, want %v", err, want)
		}
	default:
		if want != nil {
			b.t.Error("watching goes on")
		}
	}
}

func TestASupervisorThatNobodyNeedsLeaves(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		time.Sleep(DefaultIdleAfter - time.Millisecond)
		b.wantEnd(nil)
		time.Sleep(2 * time.Millisecond)
		b.wantEnd(errLeaving)
		b.s.with("a", func(*container) {})
		if !b.s.leaving {
			t.Error("it would hold something now")
		}
	})
}

func TestItStaysForAContainer(t *testing.T) {
	watching(t, newFake("without-network"), func(b *bed) {
		b.begin("a")
		time.Sleep(time.Hour)
		b.wantEnd(nil)
		b.fake.exit("a")
		time.Sleep(time.Hour)
		b.wantEnd(nil)
		b.fake.exit("without-network")
		time.Sleep(2 * DefaultIdleAfter)
		b.wantEnd(errLeaving)
	})
}

func TestItStaysForAConnection(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.s.connection(nil, 0) // http.StateNew
		time.Sleep(time.Hour)
		b.wantEnd(nil)
		b.s.connection(nil, 4) // http.StateClosed
		time.Sleep(2 * DefaultIdleAfter)
		b.wantEnd(errLeaving)
	})
}

func TestItStaysWhileTheRuntimeNeedsIt(t *testing.T) {
	fake := newFake()
	fake.needed = true
	watching(t, fake, func(b *bed) {
		time.Sleep(time.Hour)
		b.wantEnd(nil)
		b.fake.set(func() { b.fake.needed = false })
		time.Sleep(2 * idleAgain)
		b.wantEnd(errLeaving)
	})
}

func TestNothingToDoCostsNothing(t *testing.T) {
	watching(t, newFake(), func(b *bed) {
		b.begin("a")
		time.Sleep(2 * DefaultStartGrace)
		looks := b.fake.looked()
		time.Sleep(24 * time.Hour)
		if more := b.fake.looked() - looks; more > 0 {
			t.Errorf("the engine was asked %d times in a day without events", more)
		}
	})
}
