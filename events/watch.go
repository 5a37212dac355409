package events

import (
	"context"
	"time"

	"github.com/fsnotify/fsnotify"
)

// pollInterval is how often to look where the kernel cannot tell of changes: it
// gives a user few inotify instances.
const pollInterval = 250 * time.Millisecond

// changes tells when something may have changed in a folder.
type changes struct {
	watcher *fsnotify.Watcher
	events  <-chan fsnotify.Event // nil without a watcher
	errors  <-chan error
	ticker  *time.Ticker
	ticks   <-chan time.Time // nil with one
}

func watch(dir string) *changes {
	c := &changes{}
	w, err := fsnotify.NewWatcher()
	if err == nil {
		c.watcher, c.events, c.errors = w, w.Events, w.Errors
		err = w.Add(dir)
	}
	if err != nil {
		c.ticker = time.NewTicker(pollInterval)
		c.ticks = c.ticker.C
	}
	return c
}

// wait returns when it is worth looking, or with the error of ctx. What the kernel
// could not tell of is a reason to look too.
func (c *changes) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-c.events:
	case <-c.errors:
	case <-c.ticks:
	}
	return ctx.Err()
}

func (c *changes) close() error {
	if c.ticker != nil {
		c.ticker.Stop()
	}
	if c.watcher == nil {
		return nil
	}
	return c.watcher.Close()
}
