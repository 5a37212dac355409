// Package relay passes what comes to a socket on to other addresses, as it is:
// connections and datagrams.
package relay

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// acceptPause is how long a socket rests after an error that is not its end:
// the process is out of file descriptors, mostly.
const acceptPause = 50 * time.Millisecond

// Relay is one socket that is passed on.
type Relay struct {
	cancel context.CancelFunc
	close  func() error
	work   sync.WaitGroup
}

// Close releases the socket and ends everything that was passed on through it,
// and returns when nothing of it runs any more.
func (r *Relay) Close() error {
	r.cancel()
	err := r.close()
	r.work.Wait()
	return err
}

// again says whether to go on after a socket's error, and waits until it makes
// sense to.
func again(ctx context.Context, err error) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	t := time.NewTimer(acceptPause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
