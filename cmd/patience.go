package cmd

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
)

// patience bounds how long a plan waits for containers. It begins with the first
// wait: pulling images takes the time that it takes.
type patience struct {
	context.Context
	limit  time.Duration
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	timer *time.Timer // nil before the first wait
	over  bool
}

// withPatience returns a context that ends by its deadline when the plan that
// events tells of has waited for limit, and a function that lets go of it.
func withPatience(ctx context.Context, limit time.Duration) (*patience, func()) {
	p := &patience{limit: limit}
	p.Context, p.cancel = context.WithCancelCause(ctx)
	return p, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.timer != nil {
			p.timer.Stop()
		}
		p.cancel(nil)
	}
}

// event begins the waiting with the first step that waits.
func (p *patience) event(e executor.Event) {
	if _, waits := e.Op.(planner.AwaitContainer); !waits || e.Phase != executor.Running {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil {
		p.timer = time.AfterFunc(p.limit, p.expire)
	}
}

// expire ends the context with docker compose's words.
func (p *patience) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = p.Context.Err() == nil
	p.cancel(fmt.Errorf("application not healthy after %v", p.limit))
}

// Err says how the context ended: when patience was at its end, as a deadline
// does.
func (p *patience) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return context.DeadlineExceeded
	}
	return p.Context.Err()
}
