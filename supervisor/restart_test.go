package supervisor

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/keep"
)

func TestWhoIsStartedAgain(t *testing.T) {
	always, unless := project.Restart{Condition: project.RestartAlways}, project.Restart{Condition: project.RestartUnlessStopped}
	failure := project.Restart{Condition: project.RestartOnFailure}
	thrice := project.Restart{Condition: project.RestartOnFailure, MaxAttempts: 3}
	window := project.Restart{Condition: project.RestartAlways, MaxAttempts: 3, Window: 5 * time.Second}
	unhealthy := project.Restart{Unhealthy: true}
	for name, test := range map[string]struct {
		policy project.Restart
		was    keep.Record
		e      ending
		want   keep.Record
		never  bool
	}{
		"always, after a success":         {policy: always, want: keep.Record{Restarts: 1, Attempts: 1, Delay: firstBackOff}},
		"unless-stopped, after a success": {policy: unless, want: keep.Record{Restarts: 1, Attempts: 1, Delay: firstBackOff}},
		"no":                              {e: ending{code: 1}, never: true},
		"on-failure, after a success":     {policy: failure, never: true},
		"on-failure, after a failure":     {policy: failure, e: ending{code: 1}, want: keep.Record{Restarts: 1, Attempts: 1, Delay: firstBackOff}},
		"on-failure, after an end that nobody saw": {
			policy: failure, e: ending{unseen: true}, want: keep.Record{Restarts: 1, Attempts: 1, Delay: firstBackOff}},
		"on-failure, after a start that failed": {
			policy: failure, was: keep.Record{Restarts: 1, Attempts: 1, Delay: firstBackOff}, e: ending{failed: errors.New("no memory")},
			want: keep.Record{Restarts: 2, Attempts: 2, Delay: 2 * firstBackOff}},
		"the third attempt": {
			policy: thrice, was: keep.Record{Restarts: 2, Attempts: 2, Delay: 200 * time.Millisecond}, e: ending{code: 1},
			want: keep.Record{Restarts: 3, Attempts: 3, Delay: 400 * time.Millisecond}},
		"a fourth attempt": {policy: thrice, was: keep.Record{Restarts: 3, Attempts: 3}, e: ending{code: 1}, never: true},
		"a long run does not reset the attempts": {
			policy: thrice, was: keep.Record{Restarts: 3, Attempts: 3}, e: ending{code: 1, length: time.Hour}, never: true},
		"one of the window does": {
			policy: window, was: keep.Record{Restarts: 3, Attempts: 3, Delay: 200 * time.Millisecond}, e: ending{length: 5 * time.Second},
			want: keep.Record{Restarts: 4, Attempts: 1, Delay: 400 * time.Millisecond}},
		"one shorter than that does not": {
			policy: window, was: keep.Record{Restarts: 3, Attempts: 3}, e: ending{length: 5*time.Second - 1}, never: true},
		"a long run resets the delay": {
			policy: always, was: keep.Record{Restarts: 9, Attempts: 9, Delay: lastBackOff}, e: ending{length: longRun},
			want: keep.Record{Restarts: 10, Attempts: 10, Delay: firstBackOff}},
		"no longer than a minute": {
			policy: always, was: keep.Record{Restarts: 9, Attempts: 9, Delay: 51200 * time.Millisecond},
			want: keep.Record{Restarts: 10, Attempts: 10, Delay: lastBackOff}},
		"a delay of its own": {
			policy: project.Restart{Condition: project.RestartAlways, Delay: 7 * time.Second}, was: keep.Record{Restarts: 1, Attempts: 1, Delay: 7 * time.Second},
			want: keep.Record{Restarts: 2, Attempts: 2, Delay: 7 * time.Second}},
		"unhealthy, whatever the condition": {
			policy: unhealthy, e: ending{unhealthy: true}, want: keep.Record{Restarts: 1, Attempts: 1, Delay: firstBackOff}},
		"only unhealthy is":        {policy: unhealthy, e: ending{code: 1}, never: true},
		"unhealthy does not count": {policy: failure, e: ending{unhealthy: true}, never: true},
		"unhealthy too often": {
			policy: project.Restart{Unhealthy: true, MaxAttempts: 1}, was: keep.Record{Attempts: 1}, e: ending{unhealthy: true}, never: true},
	} {
		test.was.ID, test.want.ID = "web", "web"
		got, again := nextStart(test.policy, test.was, test.e)
		if again == test.never || again && got != test.want {
			t.Errorf("%s: %v %+v, want %+v", name, again, got, test.want)
		}
	}
}

// TestDelaysAreDockers: doubling from 100 ms to a minute, from the beginning
// after a long run, and never more starts than the attempts that are allowed.
func TestDelaysAreDockers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := project.Restart{Condition: project.RestartAlways, MaxAttempts: rapid.IntRange(0, 20).Draw(t, "attempts")}
		var r keep.Record
		row, starts := 0, 0
		for range 30 {
			e := ending{length: time.Duration(rapid.IntRange(0, 12).Draw(t, "seconds")) * time.Second}
			if e.length >= longRun {
				row = 0
			}
			next, again := nextStart(p, r, e)
			if again != (p.MaxAttempts == 0 || starts < p.MaxAttempts) {
				t.Fatalf("after %d starts of %d: %v", starts, p.MaxAttempts, again)
			}
			if !again {
				return
			}
			starts++
			if want := min(firstBackOff<<row, lastBackOff); next.Delay != want || next.Restarts != starts {
				t.Fatalf("start %d after %v, want %v", next.Restarts, next.Delay, want)
			}
			row++
			r = next
		}
	})
}
