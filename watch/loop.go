package watch

import (
	"context"
	"time"
)

const (
	// Quiet is how long nothing must happen before anything is done: docker
	// compose's time.
	Quiet = 500 * time.Millisecond
	// patience is after how many times of that something is done although more
	// happens all the time.
	patience = 10
)

// Clock returns a channel that brings something when the time is over: time.After.
type Clock func(time.Duration) <-chan time.Time

// Loop gives do all paths that come, once none has come for a while, until ctx
// ends or no more come. Paths that come while it does go into the next batch.
func Loop(ctx context.Context, paths <-chan []string, after Clock, do func(paths []string)) {
	var pending []string
	var quiet, late <-chan time.Time
	flush := func() {
		batch := pending
		pending, quiet, late = nil, nil, nil
		do(batch)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case more, ok := <-paths:
			if !ok {
				return
			}
			if len(more) == 0 {
				continue
			}
			if pending = append(pending, more...); late == nil {
				late = after(patience * Quiet)
			}
			quiet = after(Quiet)
		case <-quiet:
			flush()
		case <-late:
			flush()
		}
	}
}
