package shim

import (
	"context"
	"runtime/debug"
	"time"
)

const (
	// youngPercent has a shim that begins collect no garbage: it soon leaves
	// less, and a collection takes longer than most of what it does.
	youngPercent = 400
	// gcPercent is containerd's own value for shims.
	gcPercent = 40
	// youth is how long after its beginning a shim is past all of that.
	youth = 10 * time.Second
)

// beYoung has garbage collected less often from now on, until growUp.
func beYoung() { debug.SetGCPercent(youngPercent) }

// growUp returns to the usual when a shim is not young any more.
func growUp(ctx context.Context) {
	defer debug.SetGCPercent(gcPercent)
	select {
	case <-ctx.Done():
	case <-time.After(youth):
	}
}
