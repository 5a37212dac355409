package health

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gocompose/gocompose/project"
)

// rampFirst is the shortest time between two probes before their turn. From
// then on each wait is as long as everything before it, which doubles it.
const rampFirst = 50 * time.Millisecond

// spreadDivisor and maxSpread bound how long after its turn a container is
// probed so that not all are at once: a part of the interval, and a second.
const (
	spreadDivisor = 10
	maxSpread     = time.Second
)

// Run is what is checked: one run of a container's process.
type Run struct {
	Check     project.Healthcheck // complete
	StartedAt time.Time
	// ResumedAt is when it was last let go on after a pause; zero: never.
	ResumedAt time.Time
	// Spread, from 0 to 1, is what part of the spread its turns are late:
	// different ones of containers with the same interval.
	Spread float64
}

// Turn says why a container is probed.
type Turn int

const (
	InTurn Turn = iota // its check asks for it
	Early              // somebody waits for it to become healthy
)

// Tracker is the health of a run, as it goes from result to result. The zero
// value is not useful: see New.
type Tracker struct {
	State
	// Regular is when the last probe ended that came in its turn, or succeeded:
	// from then on the interval is measured. Zero: there was none.
	Regular time.Time `json:"regular,omitzero"`
}

// New returns the health of a run that begins.
func New() Tracker { return Tracker{State: State{Status: Starting}} }

// Add returns the health after one more result, of a probe of that turn. What
// it returns shares nothing that changes with t.
func (t Tracker) Add(run Run, turn Turn, r Result) Tracker {
	r.Output = cut(r.Output)
	keep := t.Results[max(0, len(t.Results)-MaxResults+1):]
	t.Results = append(slices.Clip(slices.Clone(keep)), r)
	if turn == InTurn || r.ExitCode == 0 {
		t.Regular = r.End
	}
	switch {
	case r.ExitCode == 0:
		t.FailingStreak, t.Status = 0, Healthy
	case turn == InTurn && !(t.Status == Starting && run.inStartPeriod(r.Start)):
		t.FailingStreak++
		if t.FailingStreak >= run.Check.Retries {
			t.Status = Unhealthy
		}
	}
	return t
}

// Due returns when the next probe is due; awaited is since when somebody has
// been waiting for the container to become healthy, zero if nobody is.
func (t Tracker) Due(run Run, awaited time.Time) time.Time {
	due := t.inTurn(run)
	if awaited.IsZero() || t.Status != Starting {
		return due
	}
	from := latest(awaited, run.StartedAt, run.ResumedAt)
	early := from
	if n := len(t.Results); n > 0 && !t.Results[n-1].End.Before(from) {
		last := t.Results[n-1].End
		early = last.Add(max(rampFirst, last.Sub(from)))
	}
	if early.Before(due) {
		return early
	}
	return due
}

// Turn returns what a probe is that starts at the given time.
func (t Tracker) Turn(run Run, at time.Time) Turn {
	if at.Before(t.inTurn(run)) {
		return Early
	}
	return InTurn
}

// inTurn returns when the check asks for the next probe: the interval after the
// last one, or after the start, and a little more.
func (t Tracker) inTurn(run Run) time.Time {
	base := latest(run.StartedAt, t.Regular, run.ResumedAt)
	interval := run.Check.Interval
	if t.Status == Starting && run.inStartPeriod(base) {
		interval = run.Check.StartInterval
	}
	spread := float64(min(interval/spreadDivisor, maxSpread)) * run.Spread
	return base.Add(interval + time.Duration(spread))
}

func (run Run) inStartPeriod(at time.Time) bool {
	return at.Sub(run.StartedAt) < run.Check.StartPeriod
}

func latest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if t.After(first) {
			first = t
		}
	}
	return first
}

// cut returns the first MaxOutput bytes of a probe's output at most, as whole
// characters.
func cut(output string) string {
	output = strings.ToValidUTF8(output[:min(len(output), MaxOutput+utf8.UTFMax)], string(utf8.RuneError))
	if len(output) <= MaxOutput {
		return output
	}
	end := MaxOutput
	for !utf8.RuneStart(output[end]) {
		end--
	}
	return output[:end]
}
