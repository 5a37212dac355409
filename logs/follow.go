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

// Follower hands on what sources print, as they print it, through rotations,
// without loss or repetition. Sources may come while it runs. Its methods but
// Run never wait for anything, and may be called from any goroutine.
type Follower struct {
	opt FollowOptions

	mu       sync.Mutex
	orders   []order
	finished bool
	wake     chan struct{} // holds one: there are orders, or it is finished
}

// FollowOptions say what a Follower does. Both are called from Run only, and
// their errors end it.
type FollowOptions struct {
	// Emit gets each entry. Entry.Line is good until it returns.
	Emit func(Source, Entry) error
	// Idle is called whenever what was there has been emitted; nil: nothing is.
	Idle func() error
}

// order is a source to be followed, or something to be done when what a source
// has printed so far has been emitted.
type order struct {
	src Source
	q   Query
	do  func() error
}

// NewFollower returns a Follower of nothing yet.
func NewFollower(opt FollowOptions) *Follower {
	return &Follower{opt: opt, wake: make(chan struct{}, 1)}
}

// Add has src followed from where q begins. One that is followed already goes
// on as it was; a folder that is not there has nothing to say. It is opened
// by Run, in the order of the calls of Add and Then: what is called by a Then
// after it knows it open. Sources that are added before Run are merged by time as
// far as they go then.
func (f *Follower) Add(src Source, q Query) {
	src.Dir = filepath.Clean(src.Dir)
	f.order(order{src: src, q: q})
}

// Then has do called between two calls of Emit, once everything has been
// emitted that the source with that folder has printed before Then. Of a folder
// that is not followed that is nothing.
func (f *Follower) Then(dir string, do func() error) {
	f.order(order{src: Source{Dir: filepath.Clean(dir)}, do: do})
}

// Finish has Run return when everything has been emitted that was printed
// before Finish. Later orders are not carried out.
func (f *Follower) Finish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.finished = true
	f.nudge()
}

func (f *Follower) order(o order) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.finished {
		f.orders = append(f.orders, o)
		f.nudge()
	}
}

// nudge is called with the lock held.
func (f *Follower) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *Follower) take() ([]order, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	orders := f.orders
	f.orders = nil
	return orders, f.finished
}

// Run follows until Finish, or until ctx ends, which is an error. It is called
// once.
func (f *Follower) Run(ctx context.Context) error {
	return f.run(ctx, watchChanges())
}

func (f *Follower) run(ctx context.Context, c *changes) (err error) {
	r := &following{Follower: f, merger: merger{emit: f.opt.Emit}, changes: c}
	defer func() { err = errors.Join(err, r.close(), c.close()) }()
	finishing := false
	for {
		orders, finished := f.take()
		if err := r.obey(orders); err != nil {
			return err
		}
		if finished && !finishing {
			finishing = true
			if err := r.limit(); err != nil {
				return err
			}
		}
		if err := r.pass(ctx); err != nil {
			return err
		}
		if f.opt.Idle != nil {
			if err := f.opt.Idle(); err != nil {
				return err
			}
		}
		if finishing && !r.limited() {
			return nil
		}
		if err := r.wait(ctx); err != nil {
			return err
		}
	}
}

// following is a Follower that runs.
type following struct {
	*Follower
	merger
	changes *changes
}

func (r *following) obey(orders []order) error {
	for _, o := range orders {
		var err error
		c := r.cursor(o.src.Dir)
		switch {
		case o.do == nil && c == nil:
			err = r.begin(o)
		case o.do == nil:
		case c == nil:
			err = o.do()
		default:
			c.then = append(c.then, o.do)
			c.dirty = true
			err = c.wrap(c.limit())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *following) cursor(dir string) *cursor {
	i := slices.IndexFunc(r.cursors, func(c *cursor) bool { return c.src.Dir == dir })
	if i < 0 {
		return nil
	}
	return r.cursors[i]
}

// begin opens a source. It is watched from before it is read first.
func (r *following) begin(o order) error {
	if !r.changes.add(o.src.Dir) {
		return nil // gone
	}
	_, err := r.open(o.src, o.q)
	return err
}

// limit has every source read to where it ends now.
func (r *following) limit() error {
	for _, c := range r.cursors {
		c.dirty = true
		if err := c.wrap(c.limit()); err != nil {
			return err
		}
	}
	return nil
}

// limited tells whether a source has not been read to its limit yet.
func (r *following) limited() bool {
	return slices.ContainsFunc(r.cursors, func(c *cursor) bool { return c.stop >= 0 })
}

// pass reads what is there, moves on to new files, and lets go of sources that
// have gone.
func (r *following) pass(ctx context.Context) error {
	if err := r.drain(ctx); err != nil {
		return err
	}
	var keep []*cursor
	for i, c := range r.cursors {
		gone, err := c.settle()
		if err == nil && gone {
			err = errors.Join(r.changes.remove(c.src.Dir), c.close())
		} else {
			keep = append(keep, c)
		}
		if err != nil {
			r.cursors = append(keep, r.cursors[i+1:]...)
			return err
		}
	}
	r.cursors = keep
	return nil
}

// settle looks for more where a cursor has read all it knew of. It reports
// whether the source has gone.
func (c *cursor) settle() (gone bool, err error) {
	if c.dirty {
		return false, nil
	}
	limited := c.stop >= 0
	c.stop = -1
	if err := c.reached(); err != nil || limited {
		c.dirty = true // there may be more by now
		return false, err
	}
	if c.dirty, err = c.advance(); c.dirty || err != nil {
		return false, c.wrap(err)
	}
	return c.gone(), nil
}

// wait returns when there may be something to read or to obey.
func (r *following) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.soon():
		r.mark("")
	case e := <-r.changes.events:
		r.marked(e)
	case err := <-r.changes.errors:
		if !errors.Is(err, fsnotify.ErrEventOverflow) {
			return fmt.Errorf("watching logs: %w", err)
		}
		r.mark("")
	case <-r.changes.ticks:
		r.mark("")
	case <-r.wake:
	}
	return nil
}

// soon fires when it is time to look again though nothing has happened. An open
// file keeps the kernel from telling that its folder has been removed.
func (r *following) soon() <-chan time.Time {
	switch {
	case slices.ContainsFunc(r.cursors, func(c *cursor) bool { return c.dirty }):
		return time.After(0)
	case slices.ContainsFunc(r.cursors, func(c *cursor) bool { return c.lacks }):
		return time.After(pollInterval)
	}
	return nil
}

// marked marks what an event is about.
func (r *following) marked(e fsnotify.Event) {
	dir, name := filepath.Split(e.Name)
	if strings.HasPrefix(name, liveName) {
		r.mark(filepath.Clean(dir))
	}
	if e.Has(fsnotify.Remove) { // of the folder, perhaps
		r.mark(e.Name)
	}
}

// mark makes the cursors that read dir dirty; all of them if it is empty.
func (r *following) mark(dir string) {
	for _, c := range r.cursors {
		if dir == "" || c.src.Dir == dir {
			c.dirty = true
		}
	}
}
