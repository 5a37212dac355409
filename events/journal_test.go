package events

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func journal(t *testing.T, size int64) Journal {
	return Journal{filepath.Join(t.TempDir(), "events"), size}
}

func at(second int) time.Time { return time.Unix(1_700_000_000+int64(second), 0).UTC() }

func event(second int, what Action) Event {
	return Subject{ID: "x", Project: "shop", Service: "web", Name: "shop-web-1", Image: "web:1"}.Event(at(second), what)
}

// history returns what a journal tells of the past.
func history(t *testing.T, j Journal, q Query) (told []string) {
	t.Helper()
	if q.Until.IsZero() {
		q.Until = at(1000)
	}
	err := j.Read(t.Context(), q, func(e Event) error {
		told = append(told, fmt.Sprintf("%d %s", e.Time.Sub(at(0))/time.Second, e.Action))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return told
}

func TestThePastIsToldByTime(t *testing.T) {
	j := journal(t, maxSize)
	for _, e := range []Event{event(1, Create), event(3, Die), event(2, Start), event(4, Destroy)} {
		j.Note(e)
	}
	for _, c := range []struct {
		q    Query
		want string
	}{
		{Query{}, "1 create, 2 start, 3 die, 4 destroy"},
		{Query{Since: at(2)}, "2 start, 3 die, 4 destroy"},
		{Query{Until: at(3)}, "1 create, 2 start, 3 die"},
		{Query{Since: at(2), Until: at(2)}, "2 start"},
		{Query{Since: at(9)}, ""},
	} {
		if got := strings.Join(history(t, j, c.q), ", "); got != c.want {
			t.Errorf("%+v: %s, want %s", c.q, got, c.want)
		}
	}
}

func TestAnEventSaysWhomItIsAbout(t *testing.T) {
	dir := t.TempDir()
	s := Subject{ID: "x", Project: "shop", Service: "web", OneOff: true, Name: "shop-web-run-1", Image: "web:1", Labels: map[string]string{"tier": "front"}}
	if IsKept(dir) {
		t.Error("nothing was kept")
	}
	if err := s.Keep(dir); err != nil {
		t.Fatal(err)
	}
	kept, err := Kept(dir)
	if err != nil || !IsKept(dir) {
		t.Fatal(err)
	}
	j := journal(t, maxSize)
	want := kept.Event(at(1), Die, ExitCode, "3", ExecDuration, "7")
	j.Note(want)
	var got []Event
	if err := j.Read(t.Context(), Query{Until: at(2)}, func(e Event) error { got = append(got, e); return nil }); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, []Event{want}) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	attributes := map[string]string{"tier": "front", "name": "shop-web-run-1", "image": "web:1", "exitCode": "3", "execDuration": "7"}
	if !reflect.DeepEqual(want.Attributes, attributes) || !want.OneOff || want.Service != "web" || want.Project != "shop" || want.ID != "x" {
		t.Errorf("%+v", want)
	}
	if len(s.Labels) != 1 {
		t.Errorf("the labels have become %v", s.Labels)
	}
}

func TestALineBehindOneThatDidNotFitIsRead(t *testing.T) {
	j := journal(t, maxSize)
	j.Note(event(1, Create))
	path := filepath.Join(j.dir, currentName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, b[:len(b)/2]...), 0o600); err != nil {
		t.Fatal(err)
	}
	j.Note(event(2, Health(`quote " and {"time": in it`)))
	if got, want := strings.Join(history(t, j, Query{}), ", "), `1 create, 2 health_status: quote " and {"time": in it`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestNothingIsNotedWithoutAFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	In("").Note(event(1, Create))
	left, err := os.ReadDir(".")
	if err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestTheJournalStaysSmall(t *testing.T) {
	j := journal(t, 1000)
	for i := range 100 {
		j.Note(event(i, Start))
	}
	total := int64(0)
	for _, name := range []string{currentName, olderName} {
		info, err := os.Stat(filepath.Join(j.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	told := history(t, j, Query{})
	if total > 3000 || len(told) < 5 || told[len(told)-1] != "99 start" {
		t.Errorf("%d bytes, %d events, the last %v", total, len(told), told[len(told)-1])
	}
}

// A follower gets everything that many writers add, once, though the files turn
// over all the time; and what each has added in its order.
func TestAFollowerMissesNothing(t *testing.T) {
	const writers, each = 4, 200
	j := journal(t, 20_000)
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	turn := make(chan struct{}, 60) // a follower is at most so far behind: less than a file
	var work sync.WaitGroup
	defer work.Wait()
	began := make(chan struct{})
	for w := range writers {
		work.Go(func() {
			<-began
			for n := range each {
				select {
				case turn <- struct{}{}:
				case <-ctx.Done():
					return
				}
				e := event(n, Start)
				e.ID = fmt.Sprint(w)
				j.Note(e)
			}
		})
	}
	next := map[string]int{}
	errDone := errors.New("done")
	total := 0
	first := event(0, Create)
	go func() { // the first event says that it is followed
		for ctx.Err() == nil {
			j.Note(first)
			select {
			case <-began:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	start := sync.OnceFunc(func() { close(began) })
	err := j.Read(ctx, Query{}, func(e Event) error {
		start()
		if e.Action == Create {
			return nil
		}
		n := int(e.Time.Sub(at(0)) / time.Second)
		if n == next[e.ID]-1 {
			return nil // its file had lost its name when it was written: it was written again
		}
		<-turn
		if next[e.ID] != n {
			return fmt.Errorf("of writer %s came %d instead of %d", e.ID, n, next[e.ID])
		}
		next[e.ID]++
		if total++; total == writers*each {
			return errDone
		}
		return nil
	})
	if !errors.Is(err, errDone) {
		t.Fatalf("%v after %d events", err, total)
	}
}

func TestWhoHasTurnedTheJournalOverMeanwhileLosesNothing(t *testing.T) {
	j := journal(t, 100)
	j.Note(event(1, Create))
	f, err := j.open() // turns it over: the next file is new
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		t.Fatal("the file is not new")
	}
	for _, name := range []string{currentName, olderName} {
		if err := os.Remove(filepath.Join(j.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	// As write finds it when two others have turned it over since it was opened.
	lost, err := appendTo(f, []byte("x\n"))
	if err != nil || !lost {
		t.Errorf("lost %v, %v", lost, err)
	}
}
