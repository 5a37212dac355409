package executor

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gocompose/gocompose/planner"
)

// run is one Apply under way. The goroutine of Apply alone owns it; steps talk
// to it through the channels.
type run struct {
	steps   []planner.Step
	ids     []planner.StepID
	backend Backend
	opt     Options

	waits   []int      // unsettled steps that it waits for, by step
	unlocks [][]unlock // who waits for it, by step
	dead    []bool     // a need failed or was skipped
	queues  []*queue

	busy        int
	waiting     map[int]*wait // of those under way, which only wait, by step
	interrupted error
	late        bool // the context ended because of its deadline
	failed      []*StepError
	skipped     []planner.StepID
	done        int

	outcomes chan outcome
	progress chan Event
	over     chan struct{} // closed when nobody listens any more
}

// unlock leads to a step that waits for another. If it is only to come after
// that one, it does not matter how that one ends.
type unlock struct {
	step  int
	after bool
}

// wait is a step under way that does nothing but wait.
type wait struct {
	cancel context.CancelFunc
	vain   bool // it was given up: nobody needs it any more
}

// queue holds the steps of one verb that wait for nothing, in plan order.
type queue struct {
	verb  planner.Verb
	limit int // 0: none
	busy  int
	ready []int
}

type outcome struct {
	step int
	err  error
}

func newRun(p *planner.Plan, b Backend, opt Options) *run {
	n := len(p.Steps)
	r := &run{
		steps: p.Steps, backend: b, opt: opt,
		ids: make([]planner.StepID, n), waits: make([]int, n),
		unlocks: make([][]unlock, n), dead: make([]bool, n), waiting: map[int]*wait{},
		outcomes: make(chan outcome), progress: make(chan Event), over: make(chan struct{}),
	}
	at := make(map[planner.StepID]int, n)
	for i, s := range p.Steps {
		r.ids[i] = s.ID()
		at[r.ids[i]] = i
	}
	for i, s := range p.Steps {
		r.waits[i] = len(s.Needs) + len(s.After)
		for _, n := range s.Needs {
			r.unlocks[at[n]] = append(r.unlocks[at[n]], unlock{step: i})
		}
		for _, n := range s.After {
			r.unlocks[at[n]] = append(r.unlocks[at[n]], unlock{i, true})
		}
	}
	for i := range p.Steps {
		if r.waits[i] == 0 {
			r.enqueue(i)
		}
	}
	return r
}

func (r *run) enqueue(i int) {
	verb := r.steps[i].Op.Verb()
	for _, q := range r.queues {
		if q.verb == verb {
			q.ready = append(q.ready, i)
			return
		}
	}
	r.queues = append(r.queues, &queue{verb: verb, limit: r.opt.Limits[verb], ready: []int{i}})
}

// next starts what may start, and skips what may no more.
func (r *run) next(ctx context.Context) {
	for moved := true; moved; {
		moved = false
		for _, q := range r.queues {
			for len(q.ready) > 0 {
				i := q.ready[0]
				skip := r.dead[i] || r.interrupted != nil
				if !skip && r.full(q, i) {
					break
				}
				q.ready = q.ready[1:]
				moved = true
				if skip {
					r.skip(i)
					continue
				}
				q.busy++
				r.begin(ctx, i)
			}
		}
	}
}

// full tells whether a limit keeps step i of a queue from starting.
func (r *run) full(q *queue, i int) bool {
	if q.limit > 0 && q.busy >= q.limit {
		return true
	}
	_, waits := r.steps[i].Op.(planner.AwaitContainer)
	return !waits && r.opt.Parallel > 0 && r.busy-len(r.waiting) >= r.opt.Parallel
}

func (r *run) begin(ctx context.Context, i int) {
	r.busy++
	_, waits := r.steps[i].Op.(planner.AwaitContainer)
	if waits {
		w := &wait{}
		ctx, w.cancel = context.WithCancel(ctx)
		r.waiting[i] = w
	}
	r.emit(r.event(i, Running))
	go func() {
		tell := func(change func(*Event)) {
			e := r.event(i, Working)
			change(&e)
			select {
			case r.progress <- e:
			case <-r.over: // a late word of a backend that does not wait for its own
			}
		}
		err := do(ctx, r.backend, r.steps[i].Op, reports{
			progress: func(p Progress) { tell(func(e *Event) { e.Progress = p }) },
			print:    func(line string) { tell(func(e *Event) { e.Line = line }) },
			provided: func(variables map[string]string) { r.provided(i, variables) },
		})
		if waits && ctx.Err() != nil && (err == nil || errors.Is(err, context.Cause(ctx))) {
			err = ctx.Err() // what came too late did not come
		}
		r.outcomes <- outcome{i, err}
	}()
}

// provided hands on what the provider of step i has provided.
func (r *run) provided(i int, variables map[string]string) {
	if r.opt.Provided != nil {
		r.opt.Provided(r.steps[i].Op.Target().Name, variables)
	}
}

func (r *run) settle(o outcome) {
	r.busy--
	for _, q := range r.queues {
		if q.verb == r.steps[o.step].Op.Verb() {
			q.busy--
		}
	}
	vain := false
	if w := r.waiting[o.step]; w != nil {
		w.cancel()
		vain = w.vain
		delete(r.waiting, o.step)
	}
	e := r.event(o.step, Done)
	failure := &StepError{Step: r.ids[o.step], Op: r.steps[o.step].Op, Err: o.err}
	switch {
	case o.err == nil:
		r.done++
	case vain:
		r.skip(o.step)
		return
	case optional(r.steps[o.step].Op) && !ended(o.err):
		e.Phase, e.Err = Warned, failure
	default:
		r.failed = append(r.failed, failure)
		e.Phase, e.Err = Failed, o.err
	}
	r.emit(e)
	r.unlock(o.step, o.err != nil)
}

func (r *run) skip(i int) {
	r.skipped = append(r.skipped, r.ids[i])
	r.emit(r.event(i, Skipped))
	r.unlock(i, true)
}

func (r *run) unlock(i int, dead bool) {
	for _, u := range r.unlocks[i] {
		r.dead[u.step] = r.dead[u.step] || dead && !u.after
		if r.waits[u.step]--; r.waits[u.step] == 0 {
			r.enqueue(u.step)
		}
	}
	r.giveUp()
}

// giveUp ends the waits that only such steps wait for as will never begin: who
// waits for something slow learns at once that something else has failed.
func (r *run) giveUp() {
	for i, w := range r.waiting {
		alive := func(u unlock) bool { return !r.dead[u.step] }
		if len(r.unlocks[i]) > 0 && !slices.ContainsFunc(r.unlocks[i], alive) {
			w.vain = true
			w.cancel()
		}
	}
}

func (r *run) event(i int, phase Phase) Event {
	return Event{Time: time.Now(), Step: r.ids[i], Op: r.steps[i].Op, Phase: phase}
}

func (r *run) emit(e Event) {
	if r.opt.Events != nil {
		r.opt.Events(e)
	}
}

func (r *run) result() error {
	if len(r.failed) == 0 && len(r.skipped) == 0 {
		return nil
	}
	return &ApplyError{Failed: r.failed, Skipped: r.skipped, Done: r.done, Interrupted: r.interrupted, TimedOut: r.late}
}
