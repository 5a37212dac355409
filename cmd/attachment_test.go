package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/supervisor"
	"github.com/gocompose/gocompose/view"
)

func attach(w *fakeWorld, s *screen, services ...string) *attachment {
	of := func(service string, _ int) bool { return slices.Contains(services, service) }
	var names []string
	for _, s := range services {
		names = append(names, s+"-1")
	}
	return newAttachment(w, view.NewLogs(s, view.LogOptions{Buffered: true}), attachOptions{
		project: "shop", shows: of, minds: of, ends: true, began: w.now, names: names, banner: "Attaching",
	})
}

func never([]end) bool { return false }

func TestOfWhatRunsWhatIsPrintedFromNowOnIsShownAndOfWhatComesAll(t *testing.T) {
	w, s := newFakeWorld(t), &screen{}
	for _, id := range []string{"web-1", "db-1", "other-1"} {
		w.make(id)
		w.starts(id)
		w.print(id, logs.Stdout, "of the past\n")
	}
	a := attach(w, s, "web", "db")
	if err := a.attach(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"web-1", "other-1"} {
		w.tells(id, supervisor.PhaseRunning)
		w.print(id, logs.Stdout, "of now\n")
	}
	s.shows(t, "web-1  | of now\n")
	w.make("web-2") // by somebody else
	w.starts("web-2")
	w.print("web-2", logs.Stdout, "first\n")
	w.tells("web-2", supervisor.PhaseRunning)
	s.shows(t, "web-2  | first\n")
	w.print("web-2", logs.Stdout, "last\n")
	w.exits("web-2", 7)
	w.exits("web-1", 0)
	w.print("db-1", logs.Stderr, "last\n")
	w.exits("db-1", 0)
	if err := errors.Join(a.wait(t.Context(), never), a.close()); err != nil {
		t.Fatal(err)
	}
	want := "Attaching\nweb-1  | of now\nweb-2  | first\nweb-2  | last\nweb-2 exited with code 7\nweb-1 exited with code 0\ndb-1   | last\ndb-1 exited with code 0\n"
	if got := linesOf(s.String(), "web-2"); got != linesOf(want, "web-2") || !strings.HasPrefix(s.String(), "Attaching\n") {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
	if strings.Contains(s.String(), "past") || strings.Contains(s.String(), "other") || len(s.String()) != len(want) {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
}

// linesOf returns the lines of text that are about one container, in their order.
func linesOf(text, name string) string {
	var of []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, name) {
			of = append(of, line)
		}
	}
	return strings.Join(of, "")
}

func TestRestartsAreFollowedWithoutLossOrRepetition(t *testing.T) {
	w, s := newFakeWorld(t), &screen{}
	a := attach(w, s, "web")
	a.begin(t.Context(), nil, logs.Query{})
	w.make("web-1")
	w.runs("web-1")
	var want strings.Builder
	want.WriteString("Attaching\n")
	for run := range 5 {
		for i := range run * 20 {
			w.print("web-1", logs.Stdout, fmt.Sprintln("run", run, "line", i))
			fmt.Fprintln(&want, "web-1  | run", run, "line", i)
		}
		w.ends("web-1", run)
		w.tells("web-1", supervisor.PhaseEnded)
		if run == 4 {
			break
		}
		at := w.now
		if run != 2 { // once nobody hears of it before it runs again
			w.tells("web-1", supervisor.PhaseRestarting)
		} else {
			w.starts("web-1")
			w.tells("web-1", supervisor.PhaseRunning, restarted(at, run))
		}
		fmt.Fprintf(&want, "web-1 exited with code %d (restarting)\n", run)
		s.shows(t, fmt.Sprintf("code %d (restarting)\n", run))
		w.starts("web-1")
		w.tells("web-1", supervisor.PhaseRunning, restarted(at, run))
	}
	w.tells("web-1", supervisor.PhaseAbsent)
	want.WriteString("web-1 exited with code 4\n")
	if err := errors.Join(a.wait(t.Context(), never), a.close()); err != nil {
		t.Fatal(err)
	}
	if s.String() != want.String() {
		t.Errorf("got\n%s\nwant\n%s", s, &want)
	}
}

// A run so short that nobody has told of it, and an end of which nobody knows
// when it was.
func TestEndsThatNobodyToldOfAreFound(t *testing.T) {
	w, s := newFakeWorld(t), &screen{}
	w.make("old-1")
	w.ends("old-1", 9)
	a := attach(w, s, "web", "db", "old")
	if err := a.attach(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.make("web-1")
	w.starts("web-1")
	w.print("web-1", logs.Stdout, "short\n")
	w.ends("web-1", 4)
	w.make("db-1")
	w.runs("db-1")
	w.ends("db-1", 255)
	w.change("db-1", func(i *host.Info) { i.ExitedAt = time.Time{} })
	w.tells("db-1", supervisor.PhaseAbsent)
	if err := errors.Join(a.wait(t.Context(), never), a.close()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"web-1": "web-1  | short\nweb-1 exited with code 4\n", "db-1": "db-1 exited with code 255\n"} {
		if got := linesOf(s.String(), name); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if strings.Contains(s.String(), "old") {
		t.Errorf("an end of the past:\n%s", s)
	}
	var codes []int
	for _, e := range a.endsSoFar() {
		codes = append(codes, e.code)
	}
	slices.Sort(codes)
	if !slices.Equal(codes, []int{4, 255}) {
		t.Errorf("ends %v", codes)
	}
}

// Another command replaces a container: between the end of the old one and the
// start of the new one nothing runs, and it is not over.
func TestAReplacementByAnotherCommandIsFollowed(t *testing.T) {
	w, s := newFakeWorld(t), &screen{}
	w.make("web-1")
	w.starts("web-1")
	a := attach(w, s, "web")
	if err := a.attach(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.tells("web-1", supervisor.PhaseRunning)
	over := make(chan error, 1)
	go func() { over <- a.wait(t.Context(), never) }()
	w.mu.Lock()
	w.busy = make(chan struct{})
	w.mu.Unlock()
	w.make("web-1.new")
	w.exits("web-1", 0)
	w.removes("web-1")
	s.shows(t, "web-1 exited with code 0\n")
	w.starts("web-1.new")
	w.tells("web-1.new", supervisor.PhaseRunning)
	close(w.busy)
	w.print("web-1.new", logs.Stdout, "new\n")
	s.shows(t, "web-1  | new\n")
	select {
	case err := <-over:
		t.Fatalf("over too early: %v\n%s", err, s)
	default:
	}
	w.removes("web-1.new")
	w.tells("web-1.new", supervisor.PhaseAbsent)
	if err := errors.Join(<-over, a.close()); err != nil {
		t.Fatal(err)
	}
}

// What becomes of a container that has just ended is the supervisor's to say.
func TestAnEndThatIsUndecidedIsNoEnd(t *testing.T) {
	w, s := newFakeWorld(t), &screen{}
	w.make("web-1")
	w.starts("web-1")
	a := attach(w, s, "web")
	if err := a.attach(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.ends("web-1", 1)
	w.change("web-1", func(i *host.Info) { i.State = planner.StateRestarting })
	w.tells("web-1", supervisor.PhaseEnded)
	if settled, err := a.settled(t.Context()); settled || err != nil {
		t.Errorf("settled %v, %v", settled, err)
	}
	if ends := a.endsSoFar(); len(ends) > 0 {
		t.Errorf("ends %v", ends)
	}
	w.tells("web-1", supervisor.PhaseRestarting)
	if err := a.close(); err != nil || s.String() != "Attaching\nweb-1 exited with code 1 (restarting)\n" {
		t.Errorf("%v\n%s", err, s)
	}
}

// That it has ended is told while it is looked, what follows afterwards: nobody
// waits for that when up has failed.
func TestAnEndThatIsToldDuringALookIsNotMissed(t *testing.T) {
	w, s := newFakeWorld(t), &screen{}
	w.make("web-1")
	w.starts("web-1")
	a := attach(w, s, "web")
	if err := a.attach(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.ends("web-1", 4)
	looked := 0
	err := a.compare(t.Context(), func(ctx context.Context, name string) ([]host.Info, error) {
		if looked++; looked == 1 {
			w.tells("web-1", supervisor.PhaseEnded)
		}
		return w.Containers(ctx, name)
	})
	if err := errors.Join(err, a.close()); err != nil || s.String() != "Attaching\nweb-1 exited with code 4\n" {
		t.Errorf("%v\n%s", err, s)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestThatNothingCanBePrintedIsTold(t *testing.T) {
	w := newFakeWorld(t)
	w.make("web-1")
	w.starts("web-1")
	of := func(string, int) bool { return true }
	a := newAttachment(w, view.NewLogs(fullDisk{}, view.LogOptions{Buffered: true}), attachOptions{project: "shop", shows: of, minds: of, ends: true, began: w.now})
	if err := a.attach(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.tells("web-1", supervisor.PhaseRunning)
	w.print("web-1", logs.Stdout, "text\n")
	if err := a.wait(t.Context(), never); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Error(err)
	}
	if err := a.close(); err == nil {
		t.Error("closed without an error")
	}
}

func TestWhatIsNotAttachedToIsMindedAllTheSame(t *testing.T) {
	w, s := newFakeWorld(t), &screen{}
	w.make("web-1")
	w.starts("web-1")
	shows := func(string, int) bool { return false }
	minds := func(service string, _ int) bool { return service == "web" }
	a := newAttachment(w, view.NewLogs(s, view.LogOptions{}), attachOptions{project: "shop", shows: shows, minds: minds, ends: true, began: w.now})
	if err := a.attach(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.tells("web-1", supervisor.PhaseRunning)
	w.print("web-1", logs.Stdout, "not to be seen\n")
	w.exits("web-1", 2)
	if err := errors.Join(a.wait(t.Context(), never), a.close()); err != nil || s.String() != "web-1 exited with code 2\n" {
		t.Errorf("%v\n%s", err, s)
	}
}
