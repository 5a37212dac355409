package containerd

import (
	"context"
	"time"
)

// outlastTime is how long a step that has begun may go on after its context
// ended.
const outlastTime = 20 * time.Second

// outlast returns a context for a step that must not be torn in the middle: a
// call that is cancelled may have done its work all the same, now or a moment
// later, and nothing could be cleaned up for sure. The step is short; only when
// the engine hangs does it end unfinished, some time after ctx.
//
// It carries ctx's values and not its deadline.
func outlast(ctx context.Context) (context.Context, context.CancelFunc) {
	long, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(outlastTime)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-long.Done():
		}
	})
	return long, func() {
		stop()
		cancel()
	}
}
