package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
)

// follower collects what a watch tells.
type follower struct {
	told   chan ContainerStatus
	synced chan struct{}
	ended  chan error
}

func follow(ctx context.Context, c *Client) follower {
	f := follower{make(chan ContainerStatus, 100), make(chan struct{}), make(chan error, 1)}
	go func() {
		f.ended <- c.Watch(ctx, func(s ContainerStatus) error {
			f.told <- s
			return nil
		}, func() error {
			close(f.synced)
			return nil
		})
	}()
	return f
}

// until returns the first thing told of the container in that phase.
func (f follower) until(t *testing.T, id string, want Phase) ContainerStatus {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case s := <-f.told:
			if s.ID == id && s.Phase == want {
				return s
			}
		case err := <-f.ended:
			t.Fatalf("the watch ended: %v", err)
		case <-limit:
			t.Fatalf("%s is never told to be %s", id, want)
		}
	}
}

func (f *fakeRuntime) begins(id string) {
	f.begin(id)
	f.tell(Event{ID: id, Kind: EventStarted, At: time.Now()})
}

func TestAWatchTellsWhatIsThereAndWhatChanges(t *testing.T) {
	fake := newFake()
	for _, id := range []string{"b", "a"} {
		fake.begin(id)
	}
	r := run(t, layout(t), fake)
	f := follow(t.Context(), r.client)
	<-f.synced
	if n := len(f.told); n != 2 {
		t.Fatalf("told of %d", n)
	}
	for _, id := range []string{"a", "b"} {
		if s := <-f.told; s.ID != id || s.Phase != PhaseRunning || s.Name != "shop-"+id || s.Runs == 0 {
			t.Errorf("%+v", s)
		}
	}
	fake.begins("c")
	first := f.until(t, "c", PhaseRunning)
	fake.exitWith("c", 9)
	if s := f.until(t, "c", PhaseAbsent); s.ExitCode != 9 || s.Runs != first.Runs || s.ExitedAt.IsZero() {
		t.Errorf("%+v", s)
	}
	fake.begins("c")
	if s := f.until(t, "c", PhaseRunning); s.Runs <= first.Runs {
		t.Errorf("run %d after %d", s.Runs, first.Runs)
	}
	all, err := r.client.Containers(t.Context())
	if err != nil || len(all) != 3 || all[0].ID != "a" || all[2].ID != "c" {
		t.Errorf("%+v (%v)", all, err)
	}
	if s, err := r.client.Container(t.Context(), "nobody"); err != nil || s.ID != "nobody" || s.Phase != PhaseAbsent {
		t.Errorf("%+v (%v)", s, err)
	}
	if _, err := r.client.Container(t.Context(), "../x"); err == nil {
		t.Error("an ID that is a path")
	}
	r.stop()
	if err := <-f.ended; !errors.Is(err, ErrNotRunning) {
		t.Errorf("it ended with %v", err)
	}
}

func TestAWatchEndsWithItsReadersError(t *testing.T) {
	fake := newFake("a")
	r := run(t, layout(t), fake)
	enough := errors.New("enough")
	changed := func(ContainerStatus) error { return enough }
	fine := func(ContainerStatus) error { return nil }
	if err := r.client.Watch(t.Context(), changed, func() error { return nil }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	if err := r.client.Watch(t.Context(), fine, func() error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancelled := func() error {
		cancel(enough)
		return nil
	}
	if err := r.client.Watch(ctx, fine, cancelled); !errors.Is(err, enough) || errors.Is(err, ErrNotRunning) {
		t.Errorf("got %v", err)
	}
}

func TestAReaderWhoDoesNotReadKeepsNobodyWaiting(t *testing.T) {
	p, fake := layout(t), newFake()
	r := run(t, p, fake)
	c, err := net.Dial("unix", p.SupervisorSocket())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "GET %s?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n", pathContainers); err != nil {
		t.Fatal(err)
	}
	long := "c" + strings.Repeat("x", 60)
	f := follow(t.Context(), r.client)
	<-f.synced
	for i := range 2000 { // much more than a socket holds
		id := fmt.Sprint(long, i)
		fake.begins(id)
		if i%100 == 99 {
			f.until(t, id, PhaseRunning)
		}
	}
}

func TestAwaitEndsWithWhatDecides(t *testing.T) {
	fake := newFake("plain", "checked")
	fake.get("checked").Health = check(project.Healthcheck{})
	r := run(t, layout(t), fake)
	for id, until := range map[string]project.Condition{"plain": project.Ready, "checked": project.Healthy} {
		s, err := r.client.Await(t.Context(), id, until)
		if err != nil || s.Phase != PhaseRunning || id == "checked" && s.Health.Status != health.Healthy {
			t.Errorf("%s: %+v (%v)", id, s, err)
		}
	}
	if s, err := r.client.Await(t.Context(), "nobody", project.Completed); err != nil || s.Phase != PhaseAbsent {
		t.Errorf("%+v (%v)", s, err)
	}
	if _, err := r.client.Await(t.Context(), "plain", "service_happy"); err == nil || !strings.Contains(err.Error(), "service_happy") {
		t.Errorf("got %v", err)
	}
	got := make(chan error)
	go func() {
		s, err := r.client.Await(t.Context(), "plain", project.Completed)
		if err == nil && s.ExitCode != 4 {
			err = fmt.Errorf("%+v", s)
		}
		got <- err
	}()
	fake.exitWith("plain", 4)
	if err := <-got; err != nil {
		t.Error(err)
	}
	go func() {
		_, err := r.client.Await(t.Context(), "checked", project.Completed)
		got <- err
	}()
	eventually(t, "it waits", func() bool {
		s, err := r.client.Status(t.Context())
		return err == nil && s.Containers == 1
	})
	r.stop()
	if err := <-got; !errors.Is(err, ErrNotRunning) {
		t.Errorf("the supervisor died: %v", err)
	}
}

func TestStoppingWaitsForOneThatIsJustStarting(t *testing.T) {
	p := layout(t)
	lock, err := flock.Try(lockFile(p)) // it has this before it answers
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := Stop(ctx, p); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := Stop(t.Context(), p); err != nil {
		t.Errorf("with none: %v", err)
	}
	c := ensure(t, p, "web")
	s, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := Stop(t.Context(), p); err != nil {
		t.Error(err)
	}
	if _, err := c.Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("%d still answers: %v", s.Pid, err)
	}
}

func TestWhatIsAskedBeforeTheFirstLookIsAnsweredAfterIt(t *testing.T) {
	p, fake := layout(t), newFake("a")
	fake.broken = true
	r := run(t, p, fake)
	got := make(chan []ContainerStatus)
	go func() {
		all, _ := r.client.Containers(t.Context())
		got <- all
	}()
	f := follow(t.Context(), r.client)
	fake.set(func() { fake.broken = false })
	if all := <-got; !slices.ContainsFunc(all, func(s ContainerStatus) bool { return s.ID == "a" }) {
		t.Errorf("%+v", all)
	}
	<-f.synced
	f.until(t, "a", PhaseRunning)
}
