package logs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// follower goes on where a merger has come to the end of what was there.
type follower struct {
	*merger
	q       Query
	changes *changes
	ended   chan *cursor // sources that are done
	waiting sync.WaitGroup
}

func newFollower(m *merger, q Query, c *changes) *follower {
	return &follower{merger: m, q: q, changes: c, ended: make(chan *cursor)}
}

// run hands on what is there, then what comes.
func (f *follower) run(ctx context.Context, sources []Source) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		f.waiting.Wait()
		err = errors.Join(err, f.changes.close())
	}()
	for _, src := range sources {
		if err := f.add(ctx, src, f.q); err != nil {
			return err
		}
	}
	var until <-chan time.Time
	if !f.q.Until.IsZero() {
		timer := time.NewTimer(time.Until(f.q.Until))
		defer timer.Stop()
		until = timer.C
	}
	for {
		if err := f.pass(ctx); err != nil {
			return err
		}
		if len(f.cursors) == 0 && f.q.More == nil {
			return nil
		}
		if over, err := f.wait(ctx, until); over || err != nil {
			return err
		}
	}
}

// add opens a source. It is watched from before it is read first.
func (f *follower) add(ctx context.Context, src Source, q Query) error {
	src.Dir = filepath.Clean(src.Dir)
	if !f.changes.add(src.Dir) {
		return nil // gone
	}
	c, err := f.open(src, q)
	if err != nil {
		return err
	}
	f.waiting.Go(func() {
		select {
		case <-src.Done:
		case <-ctx.Done():
			return
		}
		select {
		case f.ended <- c:
		case <-ctx.Done():
		}
	})
	return nil
}

// pass reads what is there, moves on to new files, and lets go of sources that
// have ended.
func (f *follower) pass(ctx context.Context) error {
	if err := f.drain(ctx); err != nil {
		return err
	}
	var keep []*cursor
	for i, c := range f.cursors {
		over, err := c.settle()
		if err == nil && over {
			err = errors.Join(f.changes.remove(c.src.Dir), c.close())
		} else {
			keep = append(keep, c)
		}
		if err != nil {
			f.cursors = append(keep, f.cursors[i+1:]...)
			return c.wrap(err)
		}
	}
	f.cursors = keep
	return nil
}

// settle looks for more where a cursor has read all it knew of. It reports
// whether the source has ended.
func (c *cursor) settle() (over bool, err error) {
	if c.dirty {
		return false, nil
	}
	if c.stop >= 0 { // that was what had been there in the beginning
		c.stop, c.dirty = -1, true
		return false, nil
	}
	if c.dirty, err = c.advance(); c.dirty || err != nil {
		return false, err
	}
	return c.last || c.gone(), nil
}

// wait returns when there may be something to read. It reports whether the
// query's time is over.
func (f *follower) wait(ctx context.Context, until <-chan time.Time) (over bool, err error) {
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-f.soon():
		f.mark("")
	case e := <-f.changes.events:
		f.marked(e)
	case err := <-f.changes.errors:
		if !errors.Is(err, fsnotify.ErrEventOverflow) {
			return false, fmt.Errorf("watching logs: %w", err)
		}
		f.mark("")
	case <-f.changes.ticks:
		f.mark("")
	case c := <-f.ended:
		c.last, c.dirty = true, true
	case src, ok := <-f.q.More:
		if !ok {
			f.q.More = nil
			break
		}
		q := f.q
		q.Tail = -1
		return false, f.add(ctx, src, q)
	case <-until:
		f.mark("")
		return true, f.drain(ctx)
	}
	return false, nil
}

// soon fires when it is time to look again though nothing has happened. An open
// file keeps the kernel from telling that its folder has been removed.
func (f *follower) soon() <-chan time.Time {
	switch {
	case slices.ContainsFunc(f.cursors, func(c *cursor) bool { return c.dirty }):
		return time.After(0)
	case slices.ContainsFunc(f.cursors, func(c *cursor) bool { return c.lacks }):
		return time.After(pollInterval)
	}
	return nil
}

// marked marks what an event is about.
func (f *follower) marked(e fsnotify.Event) {
	dir, name := filepath.Split(e.Name)
	if strings.HasPrefix(name, liveName) {
		f.mark(filepath.Clean(dir))
	}
	if e.Has(fsnotify.Remove) { // of the folder, perhaps
		f.mark(e.Name)
	}
}

// mark makes the cursors that read dir dirty; all of them if it is empty.
func (f *follower) mark(dir string) {
	for _, c := range f.cursors {
		if dir == "" || c.src.Dir == dir {
			c.dirty = true
		}
	}
}
