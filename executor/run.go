package executor

import (
	"context"
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

	waits   []int   // unsettled needs, by step
	unlocks [][]int // who needs it, by step
	dead    []bool  // a need failed or was skipped
	queues  []*queue

	busy        int
	interrupted error
	failed      []*StepError
	skipped     []planner.StepID
	done        int

	outcomes chan outcome
	progress chan Event
	over     chan struct{} // closed when nobody listens any more
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
		unlocks: make([][]int, n), dead: make([]bool, n),
		outcomes: make(chan outcome), progress: make(chan Event), over: make(chan struct{}),
	}
	at := make(map[planner.StepID]int, n)
	for i, s := range p.Steps {
		r.ids[i] = s.ID()
		at[r.ids[i]] = i
	}
	for i, s := range p.Steps {
		r.waits[i] = len(s.Needs)
		for _, need := range s.Needs {
			r.unlocks[at[need]] = append(r.unlocks[at[need]], i)
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
				if !skip && (q.limit > 0 && q.busy >= q.limit || r.opt.Parallel > 0 && r.busy >= r.opt.Parallel) {
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

func (r *run) begin(ctx context.Context, i int) {
	r.busy++
	r.emit(r.event(i, Running))
	go func() {
		err := do(ctx, r.backend, r.steps[i].Op, func(current, total int64) {
			e := r.event(i, Working)
			e.Current, e.Total = current, total
			select {
			case r.progress <- e:
			case <-r.over: // a late word of a backend that does not wait for its own
			}
		})
		r.outcomes <- outcome{i, err}
	}()
}

func (r *run) settle(o outcome) {
	r.busy--
	for _, q := range r.queues {
		if q.verb == r.steps[o.step].Op.Verb() {
			q.busy--
		}
	}
	if o.err == nil {
		r.done++
		r.emit(r.event(o.step, Done))
	} else {
		r.failed = append(r.failed, &StepError{Step: r.ids[o.step], Op: r.steps[o.step].Op, Err: o.err})
		e := r.event(o.step, Failed)
		e.Err = o.err
		r.emit(e)
	}
	r.unlock(o.step, o.err != nil)
}

func (r *run) skip(i int) {
	r.skipped = append(r.skipped, r.ids[i])
	r.emit(r.event(i, Skipped))
	r.unlock(i, true)
}

func (r *run) unlock(i int, dead bool) {
	for _, u := range r.unlocks[i] {
		r.dead[u] = r.dead[u] || dead
		if r.waits[u]--; r.waits[u] == 0 {
			r.enqueue(u)
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
	return &ApplyError{Failed: r.failed, Skipped: r.skipped, Done: r.done, Interrupted: r.interrupted}
}
