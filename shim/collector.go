package shim

import (
	"context"
	"runtime/debug"
	"time"
)

const (
	// youngPercent has a shim that begins collect no garbage, of which it soon
	// leaves less: a collection takes longer than all else that it does.
	youngPercent = 400
	// gcPercent is containerd's own value for shims.
	gcPercent = 40
	// youth is how long after its start a shim is past all of that.
	youth = 10 * time.Second
)

// growUp has garbage collected less often for as long as a shim is young.
func growUp(ctx context.Context) {
	debug.SetGCPercent(youngPercent)
	defer debug.SetGCPercent(gcPercent)
	select {
	case <-ctx.Done():
	case <-time.After(youth):
	}
}
