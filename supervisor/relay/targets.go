package relay

import (
	"context"
	"net/netip"
	"slices"
	"sync"
)

// Targets are where sockets pass on to what comes to them, each new connection
// or client to the next one. The zero value has none.
type Targets struct {
	mu   sync.Mutex
	all  []*Target
	turn int
}

// Target is one of them.
type Target struct {
	of   *Targets
	addr netip.AddrPort
	work sync.WaitGroup // of what is passed on to it

	// Guarded by the mutex of all.
	resting bool
	closed  bool
	open    map[*passage]struct{}
}

// passage is something that is passed on to a target.
type passage struct{ cancel context.CancelFunc }

// Add adds a target. While one rests, nothing new is passed on to it, unless
// all do.
func (ts *Targets) Add(addr netip.AddrPort, resting bool) *Target {
	t := &Target{of: ts, addr: addr, resting: resting, open: map[*passage]struct{}{}}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.all = append(ts.all, t)
	return t
}

// Rest has the target rest, or not any more. What is passed on to it goes on.
func (t *Target) Rest(resting bool) {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	t.resting = resting
}

// Close removes the target and ends what was passed on to it, and nothing else.
// It returns when nothing of that runs any more.
func (t *Target) Close() {
	t.remove()
	t.work.Wait()
}

func (t *Target) remove() {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	t.closed = true
	t.of.all = slices.DeleteFunc(t.of.all, func(other *Target) bool { return other == t })
	for p := range t.open {
		p.cancel()
	}
}

// begin notes that something is passed on, whose cancel function ends it; it is
// nil when the target has gone. Each needs an end.
func (t *Target) begin(cancel context.CancelFunc) *passage {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	if t.closed {
		return nil
	}
	p := &passage{cancel}
	t.open[p] = struct{}{}
	t.work.Add(1)
	return p
}

func (t *Target) end(p *passage) {
	t.of.mu.Lock()
	delete(t.open, p)
	t.of.mu.Unlock()
	t.work.Done()
}

// alone says whether nothing could be passed on to another one.
func (t *Target) alone() bool {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	for _, other := range t.of.all {
		if other != t && !other.resting {
			return false
		}
	}
	return true
}

// next returns the targets in the order in which to try them: those that do not
// rest, or else all, from the one whose turn it is.
func (ts *Targets) next() []*Target {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ready := make([]*Target, 0, len(ts.all))
	for _, t := range ts.all {
		if !t.resting {
			ready = append(ready, t)
		}
	}
	if len(ready) == 0 {
		ready = append(ready, ts.all...)
	}
	if len(ready) < 2 {
		return ready
	}
	first := ts.turn % len(ready)
	ts.turn = first + 1
	return append(ready[first:len(ready):len(ready)], ready[:first]...)
}
