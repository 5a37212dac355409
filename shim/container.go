package shim

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/gocompose/gocompose/shim/options"
	"github.com/gocompose/gocompose/shim/state"
)

// saveInterval is how often to try again to write a state that could not be
// written.
const saveInterval = time.Second

// container is what the shim knows of one container.
type container struct {
	bundle         string
	options        options.Options
	capture        *capture
	pid            int
	process        *os.Process // held by a file descriptor, where the kernel has such (Linux 5.3)
	stdout, stderr string      // what the client has asked for
	terminal       bool
	oomCount       string        // the file that counts kills for want of memory
	settled        chan struct{} // closed when exit and output are recorded
	noter          noter

	starting sync.Mutex // held while it is not known whether a start succeeds
	killing  sync.Mutex // held while a signal is sent and noted
	mu       sync.Mutex
	state    state.State
}

// last returns the state that was recorded last; none before the first start.
func (c *container) last() state.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

func (c *container) save(st state.State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = st
	return state.Write(c.options.Dir, st)
}

// saveLater writes the state as soon as that works. It need not if the
// container's folder is gone.
func (c *container) saveLater(ctx context.Context) {
	for err := errors.New("not tried yet"); err != nil && !errors.Is(err, fs.ErrNotExist); {
		select {
		case <-ctx.Done():
			return
		case <-time.After(saveInterval):
		}
		c.mu.Lock()
		err = state.Write(c.options.Dir, c.state)
		c.mu.Unlock()
	}
}

// awaitSettled waits until exit and output are recorded.
func (c *container) awaitSettled(ctx context.Context) error {
	select {
	case <-c.settled:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
