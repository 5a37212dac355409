package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/fsnotify/fsnotify"
)

// pollInterval is how often to look where the kernel cannot tell of changes: it
// gives a user few inotify instances (128 by default) and watches.
const pollInterval = 250 * time.Millisecond

// changes tells which log folders have changed. Its channels are nil if they
// are not in use.
type changes struct {
	watcher *fsnotify.Watcher
	ticker  *time.Ticker
	events  <-chan fsnotify.Event
	errors  <-chan error
	ticks   <-chan time.Time
}

func watchChanges() *changes {
	c := &changes{}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		c.poll()
		return c
	}
	c.watcher, c.events, c.errors = w, w.Events, w.Errors
	return c
}

func (c *changes) poll() {
	if c.ticker == nil {
		c.ticker = time.NewTicker(pollInterval)
		c.ticks = c.ticker.C
	}
}

// add begins to watch dir. It reports whether dir exists.
func (c *changes) add(dir string) bool {
	if c.watcher == nil {
		return true
	}
	err := c.watcher.Add(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.poll()
	}
	return !errors.Is(err, fs.ErrNotExist)
}

func (c *changes) remove(dir string) error {
	if c.watcher == nil {
		return nil
	}
	if err := c.watcher.Remove(dir); err != nil && !errors.Is(err, fsnotify.ErrNonExistentWatch) {
		return fmt.Errorf("ending watch: %w", err)
	}
	return nil
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
