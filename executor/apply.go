package executor

import (
	"context"
	"errors"
	"time"

	"github.com/gocompose/gocompose/planner"
)

// Phase is how far a step has come.
type Phase string

const (
	Running Phase = "running"
	Working Phase = "working" // with Progress, or Line
	Done    Phase = "done"
	Failed  Phase = "failed"
	Warned  Phase = "warned" // it failed, and nothing depends on it: it was optional
	// Skipped: a step that it needs failed, or the context ended; or it is a
	// wait, and no step that could still begin needs it.
	Skipped Phase = "skipped"
)

// Event is one thing that happened during Apply.
type Event struct {
	Time  time.Time
	Step  planner.StepID
	Op    planner.Op
	Phase Phase
	// Progress is zero but for Working.
	Progress
	// Line is one that a hook or a provider has printed.
	Line string
	// Err is the cause of Failed; of Warned it is a *StepError, which says it
	// all.
	Err error
}

// Options for Apply. The zero value runs everything at once and tells nobody.
type Options struct {
	// Parallel bounds the steps under way; 0: no limit. Waiting is free: waits
	// are under way beside.
	Parallel int
	// Limits bounds the steps under way by what they do; 0: no limit.
	Limits map[planner.Verb]int
	// Events is called from one goroutine, in order, and has returned for the
	// last time when Apply returns.
	Events func(Event)
	// Provided is called, from any goroutine, with the variables of each provider
	// that has done what it was to.
	Provided func(service string, variables map[string]string)
}

// DefaultLimits returns the limits for a host with so many processors. Pulls
// share one line to a registry, and docker's engine takes three layers at a
// time; pushes share it too; what makes and starts containers keeps processors busy; stopping is
// mostly waiting, and waiting for containers nothing but.
func DefaultLimits(processors int) map[planner.Verb]int {
	busy := max(4, 2*processors)
	return map[planner.Verb]int{
		planner.VerbPull:   3,
		planner.VerbPush:   3,
		planner.VerbVerify: busy,
		planner.VerbBuild:  4 * busy, // BuildKit has limits of its own for what they do
		planner.VerbCreate: busy,
		planner.VerbStart:  busy,
		planner.VerbStop:   16 * busy,
		planner.VerbRemove: busy,
		// Signals and freezing are one call each.
		planner.VerbKill:    16 * busy,
		planner.VerbPause:   16 * busy,
		planner.VerbUnpause: 16 * busy,
		// Hooks take the time they take.
		planner.VerbPreStart:  16 * busy,
		planner.VerbPostStart: 16 * busy,
		planner.VerbPreStop:   16 * busy,
		// So do providers.
		planner.VerbUp:   16 * busy,
		planner.VerbDown: 16 * busy,
	}
}

// Apply carries out p. A step that fails stops the steps that need it and no
// others: those that only come after it begin when it has ended. A wait that
// was for such steps only is given up. An optional step that fails is told of as
// Warned and is no error. When ctx ends no further
// step starts, and Apply returns once those under way have. If that was before
// all was done, and when a step failed, it returns an *ApplyError.
func Apply(ctx context.Context, p *planner.Plan, b Backend, opt Options) error {
	r := newRun(p, b, opt)
	defer close(r.over)
	ended := ctx.Done()
	for {
		if ctx.Err() != nil {
			r.interrupted = context.Cause(ctx)
			r.late = errors.Is(ctx.Err(), context.DeadlineExceeded)
		}
		r.next(ctx)
		if r.busy == 0 {
			return r.result()
		}
		select {
		case <-ended:
			ended = nil
		case e := <-r.progress:
			r.emit(e)
		case o := <-r.outcomes:
			r.settle(o)
		}
	}
}
