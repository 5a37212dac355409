package shim

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"
)

// abandonedLook is how often a shim without a living container looks whether it
// still has its bundle.
const abandonedLook = 5 * time.Second

// leaveWhenAbandoned ends the shim when containerd has forgotten it: one that
// was killed while it made or deleted a task takes the bundle away when it is
// back, and never calls again. It returns when lives says that there is a
// container to look after.
func leaveWhenAbandoned(ctx context.Context, bundle string, lives func() bool, leave func()) {
	look := time.NewTicker(abandonedLook)
	defer look.Stop()
	for !lives() {
		if _, err := os.Stat(bundle); errors.Is(err, fs.ErrNotExist) {
			leave()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// watchBundle begins to look, until a container is made.
func (s *service) watchBundle(ctx context.Context) {
	if s.bundle == "" {
		return
	}
	s.spawn(ctx, func(ctx context.Context) { leaveWhenAbandoned(ctx, s.bundle, s.lives, s.leave) })
}

// lives tells whether a container has not exited yet.
func (s *service) lives() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.containers {
		select {
		case <-c.settled:
		default:
			return true
		}
	}
	return false
}
