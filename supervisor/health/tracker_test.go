package health_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
)

const second = time.Second

var start = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

// probe is one that began the given time after the start and took a second.
func probe(began time.Duration, exit int) health.Result {
	return health.Result{Start: at(began), End: at(began + second), ExitCode: exit}
}

func run(c project.Healthcheck) health.Run {
	return health.Run{Check: *project.EffectiveHealthcheck(&c, &project.Healthcheck{Test: []string{"CMD", "true"}}), StartedAt: start}
}

func TestStreaks(t *testing.T) {
	type step struct {
		began   time.Duration
		turn    health.Turn
		exit    int
		status  health.Status
		failing int
	}
	const early, inTurn = health.Early, health.InTurn
	for name, test := range map[string]struct {
		check project.Healthcheck
		steps []step
	}{
		"a success is enough": {project.Healthcheck{}, []step{{30 * second, inTurn, 0, health.Healthy, 0}}},
		"three failures in a row": {project.Healthcheck{}, []step{
			{1 * second, inTurn, 1, health.Starting, 1}, {2 * second, inTurn, -1, health.Starting, 2}, {3 * second, inTurn, 1, health.Unhealthy, 3},
			{4 * second, inTurn, 1, health.Unhealthy, 4}, {5 * second, inTurn, 0, health.Healthy, 0},
		}},
		"a success between them": {project.Healthcheck{Retries: 2}, []step{
			{1 * second, inTurn, 1, health.Starting, 1}, {2 * second, inTurn, 0, health.Healthy, 0},
			{3 * second, inTurn, 1, health.Healthy, 1}, {4 * second, inTurn, 1, health.Unhealthy, 2},
		}},
		"not in the start period": {project.Healthcheck{Retries: 1, StartPeriod: 10 * second}, []step{
			{0, inTurn, 1, health.Starting, 0}, {10*second - 1, inTurn, 1, health.Starting, 0}, {10 * second, inTurn, 1, health.Unhealthy, 1},
		}},
		"a success ends the start period": {project.Healthcheck{Retries: 1, StartPeriod: 10 * second}, []step{
			{1 * second, inTurn, 1, health.Starting, 0}, {2 * second, inTurn, 0, health.Healthy, 0}, {3 * second, inTurn, 1, health.Unhealthy, 1},
		}},
		"early failures do not count": {project.Healthcheck{Retries: 2}, []step{
			{1 * second, early, 1, health.Starting, 0}, {2 * second, inTurn, 1, health.Starting, 1},
			{3 * second, early, 1, health.Starting, 1}, {4 * second, early, 0, health.Healthy, 0},
		}},
	} {
		tr, r := health.New(), run(test.check)
		for i, s := range test.steps {
			tr = tr.Add(r, s.turn, probe(s.began, s.exit))
			if tr.Status != s.status || tr.FailingStreak != s.failing {
				t.Errorf("%s, step %d: %s %d, want %s %d", name, i, tr.Status, tr.FailingStreak, s.status, s.failing)
			}
		}
	}
}

func TestWhenTheNextProbeIsDue(t *testing.T) {
	plain := project.Healthcheck{Interval: 10 * second}
	slow := project.Healthcheck{Interval: 10 * second, StartPeriod: 20 * second, StartInterval: 2 * second}
	type added struct {
		turn health.Turn
		r    health.Result
	}
	regular := func(began time.Duration, exit int) added { return added{health.InTurn, probe(began, exit)} }
	early := func(began time.Duration, exit int) added { return added{health.Early, probe(began, exit)} }
	const never = -1
	for name, test := range map[string]struct {
		check   project.Healthcheck
		awaited time.Duration
		resumed time.Duration
		results []added
		want    time.Duration
	}{
		"an interval after the start":            {plain, never, 0, nil, 10 * second},
		"measured from the end":                  {plain, never, 0, []added{regular(10*second, 1)}, 21 * second},
		"start interval first":                   {slow, never, 0, nil, 2 * second},
		"start interval while it starts":         {slow, never, 0, []added{regular(18*second, 1)}, 21 * second},
		"start period is over":                   {slow, never, 0, []added{regular(19*second, 1)}, 30 * second},
		"healthy in the start period":            {slow, never, 0, []added{regular(2*second, 0)}, 13 * second},
		"after a pause":                          {plain, never, 50 * second, []added{regular(10*second, 0)}, 60 * second},
		"awaited from before the start":          {plain, 0, 0, nil, 0},
		"awaited later":                          {plain, 3 * second, 0, nil, 3 * second},
		"awaited while paused":                   {plain, 3 * second, 5 * second, nil, 5 * second},
		"awaited after a probe":                  {plain, 12 * second, 0, []added{regular(10*second, 1)}, 12 * second},
		"waits as long as before":                {plain, 0, 0, []added{early(0, 1)}, 2 * second},
		"twice as long":                          {plain, 0, 0, []added{early(0, 1), early(2*second, 1)}, 6 * second},
		"at its turn whatever came early":        {plain, 0, 0, []added{early(0, 1), early(2*second, 1), early(6*second, 1)}, 10 * second},
		"early ones do not move its turn":        {plain, never, 0, []added{early(4*second, 1)}, 10 * second},
		"a success does":                         {plain, never, 0, []added{early(4*second, 0)}, 15 * second},
		"who is healthy is not probed early":     {plain, 0, 0, []added{early(0, 0)}, 11 * second},
		"who is unhealthy is not probed early":   {project.Healthcheck{Interval: 10 * second, Retries: 1}, 0, 0, []added{regular(10*second, 1)}, 21 * second},
		"never later than its short start turns": {slow, 0, 0, []added{regular(2*second, 1)}, 5 * second},
	} {
		tr, r := health.New(), run(test.check)
		if test.resumed > 0 {
			r.ResumedAt = at(test.resumed)
		}
		for _, a := range test.results {
			tr = tr.Add(r, a.turn, a.r)
		}
		var awaited time.Time
		if test.awaited != never {
			awaited = at(test.awaited)
		}
		if got := tr.Due(r, awaited); !got.Equal(at(test.want)) {
			t.Errorf("%s: due after %v, want %v", name, got.Sub(start), test.want)
		}
	}
	quick := health.Result{Start: start, End: at(time.Millisecond), ExitCode: 1}
	if got := health.New().Add(run(plain), health.Early, quick).Due(run(plain), start); !got.Equal(at(51 * time.Millisecond)) {
		t.Errorf("after a quick probe the next one is due after %v", got.Sub(start))
	}
}

func TestTurnsAreSpread(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{
		100 * time.Millisecond: 105 * time.Millisecond, 5 * second: 5250 * time.Millisecond, time.Hour: time.Hour + second/2,
	} {
		r := run(project.Healthcheck{Interval: interval})
		r.Spread = 0.5
		due := health.New().Due(r, time.Time{})
		if !due.Equal(at(want)) || health.New().Turn(r, due) != health.InTurn || health.New().Turn(r, due.Add(-1)) != health.Early {
			t.Errorf("every %v: due after %v, want %v", interval, due.Sub(start), want)
		}
	}
}

func TestATurnIsRegularFromWhenItIsDue(t *testing.T) {
	r := run(project.Healthcheck{Interval: 10 * second})
	for after, want := range map[time.Duration]health.Turn{0: health.Early, 10*second - 1: health.Early, 10 * second: health.InTurn, time.Hour: health.InTurn} {
		if got := health.New().Turn(r, at(after)); got != want {
			t.Errorf("after %v: %v", after, got)
		}
	}
}

func TestTheLastFiveResultsAreKeptWhole(t *testing.T) {
	tr, r := health.New(), run(project.Healthcheck{})
	var states []health.Tracker
	for i := range 8 {
		tr = tr.Add(r, health.InTurn, probe(time.Duration(i)*second, i))
		states = append(states, tr)
	}
	for i, s := range states {
		first := max(0, i-4)
		if len(s.Results) != i-first+1 || s.Results[0].ExitCode != first || s.Results[len(s.Results)-1].ExitCode != i {
			t.Errorf("after %d: %v", i, s.Results)
		}
	}
}

func TestOutputIsCutBetweenCharacters(t *testing.T) {
	for name, test := range map[string]struct {
		output string
		want   int
	}{
		"short":                 {"fine", 4},
		"as long as may be":     {strings.Repeat("a", health.MaxOutput), health.MaxOutput},
		"too long":              {strings.Repeat("a", 10*health.MaxOutput), health.MaxOutput},
		"in a character":        {strings.Repeat("a", health.MaxOutput-1) + "€€", health.MaxOutput - 1},
		"after a character":     {strings.Repeat("a", health.MaxOutput-3) + "€€", health.MaxOutput},
		"cut by who ran it":     {strings.Repeat("a", 10) + "\xe2\x82", 13},
		"nothing but nonsense":  {strings.Repeat("\xff", 2) + "a", 4},
		"nonsense at the limit": {strings.Repeat("a", health.MaxOutput-1) + "\xff\xff", health.MaxOutput - 1},
	} {
		got := health.New().Add(run(project.Healthcheck{}), health.InTurn, health.Result{Output: test.output}).Results[0].Output
		if len(got) != test.want || !utf8.ValidString(got) {
			t.Errorf("%s: %d bytes, valid %v, want %d", name, len(got), utf8.ValidString(got), test.want)
		}
	}
}

// TestEveryHistoryOfResultsIsSound: Docker's rules, said from outside.
func TestEveryHistoryOfResultsIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := func(name string, from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(t, name)) * second
		}
		r := run(project.Healthcheck{
			Interval: seconds("interval", 1, 40), StartInterval: seconds("start interval", 1, 40),
			StartPeriod: seconds("start period", 0, 100), Retries: rapid.IntRange(1, 4).Draw(t, "retries"),
		})
		var awaited time.Time
		tr, counted, succeeded, now := health.New(), 0, false, start
		for range rapid.IntRange(1, 30).Draw(t, "probes") {
			if rapid.IntRange(0, 3).Draw(t, "somebody comes or goes") == 0 {
				if awaited = (time.Time{}); rapid.Bool().Draw(t, "awaited") {
					awaited = now
				}
			}
			due := tr.Due(r, awaited)
			unawaited := tr.Due(r, time.Time{})
			if due.After(unawaited) {
				t.Fatalf("waiting makes it later: %v, not %v", due, unawaited)
			}
			if limit := now.Add(max(r.Check.Interval, r.Check.StartInterval)); due.After(limit) {
				t.Fatalf("due %v after the last one", due.Sub(now))
			}
			if due.After(now) {
				now = due
			}
			turn := tr.Turn(r, now)
			if awaited.IsZero() && turn != health.InTurn {
				t.Fatal("an early probe that nobody waits for")
			}
			began, exit := now, rapid.SampledFrom([]int{0, 1, -1}).Draw(t, "exit")
			now = now.Add(seconds("took", 0, 5))
			was := tr.Status
			tr = tr.Add(r, turn, health.Result{Start: began, End: now, ExitCode: exit})
			forgiven := was == health.Starting && began.Sub(start) < r.Check.StartPeriod || turn == health.Early
			switch {
			case exit == 0:
				counted, succeeded = 0, true
				if tr.Status != health.Healthy {
					t.Fatalf("after a success it is %s", tr.Status)
				}
			case !forgiven:
				counted++
			}
			if tr.FailingStreak != counted {
				t.Fatalf("a streak of %d, want %d", tr.FailingStreak, counted)
			}
			want := health.Starting
			if succeeded {
				want = health.Healthy
			}
			if counted >= r.Check.Retries {
				want = health.Unhealthy
			}
			if tr.Status != want {
				t.Fatalf("%s after %d failures, want %s", tr.Status, counted, want)
			}
			if len(tr.Results) > health.MaxResults {
				t.Fatalf("%d results", len(tr.Results))
			}
		}
	})
}

func TestARecordIsReadBackAsItWas(t *testing.T) {
	tr := health.New().Add(run(project.Healthcheck{}), health.InTurn, probe(second, 3))
	dir := health.In(t.TempDir())
	if err := dir.Write("web", health.Record{ID: "web", StartedAt: start, Tracker: tr}); err != nil {
		t.Fatal(err)
	}
	got, err := dir.Read("web")
	if err != nil || !got.StartedAt.Equal(start) || got.Status != health.Starting || got.FailingStreak != 1 ||
		!got.Regular.Equal(at(2*second)) || got.Results[0].ExitCode != 3 {
		t.Errorf("read %+v (%v)", got, err)
	}
}
