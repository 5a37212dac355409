package executor

import (
	"context"
	"time"

	"github.com/gocompose/gocompose/planner"
)

// Phase is how far a step has come.
type Phase string

const (
	Running Phase = "running"
	Working Phase = "working" // with Current and Total
	Done    Phase = "done"
	Failed  Phase = "failed"
	Skipped Phase = "skipped" // a step it needs failed, or the context ended
)

// Event is one thing that happened during Apply.
type Event struct {
	Time  time.Time
	Step  planner.StepID
	Op    planner.Op
	Phase Phase
	// Current and Total are bytes; Total is what is known so far. Zero but for
	// Working.
	Current, Total int64
	Err            error // of Failed
}

// Options for Apply. The zero value runs everything at once and tells nobody.
type Options struct {
	// Parallel bounds the steps under way; 0: no limit.
	Parallel int
	// Limits bounds the steps under way by what they do; 0: no limit.
	Limits map[planner.Verb]int
	// Events is called from one goroutine, in order, and has returned for the
	// last time when Apply returns.
	Events func(Event)
}

// DefaultLimits returns the limits for a host with so many processors. Pulls
// share one line to a registry, and docker's engine takes three layers at a
// time; what makes and starts containers keeps processors busy; stopping is
// mostly waiting.
func DefaultLimits(processors int) map[planner.Verb]int {
	busy := max(4, 2*processors)
	return map[planner.Verb]int{
		planner.VerbPull:   3,
		planner.VerbCreate: busy,
		planner.VerbStart:  busy,
		planner.VerbStop:   16 * busy,
		planner.VerbRemove: busy,
	}
}

// Apply carries out p. A step that fails stops the steps that need it and no
// others. When ctx ends no further step starts, and Apply returns once those
// under way have. Then, and when a step failed, it returns an *ApplyError.
func Apply(ctx context.Context, p *planner.Plan, b Backend, opt Options) error {
	r := newRun(p, b, opt)
	defer close(r.over)
	ended := ctx.Done()
	for {
		if ctx.Err() != nil {
			r.interrupted = context.Cause(ctx)
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
