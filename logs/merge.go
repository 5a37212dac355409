package logs

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math"
)

// Read hands the entries of one source that q wants to emit, in order. It ends
// with the last one that is there, or with the error of ctx or emit. A folder
// without log files has no entries.
//
// Entry.Line is good until emit returns.
func Read(ctx context.Context, src Source, q Query, emit func(Entry) error) error {
	return Merge(ctx, []Source{src}, q, func(_ Source, e Entry) error { return emit(e) })
}

// Merge is Read for several sources: entries come in order of time.
func Merge(ctx context.Context, sources []Source, q Query, emit func(Source, Entry) error) (err error) {
	m := &merger{emit: emit}
	defer func() { err = errors.Join(err, m.close()) }()
	for _, src := range sources {
		if _, err := m.open(src, q); err != nil {
			return err
		}
	}
	return m.drain(ctx)
}

// merger hands on entries of several cursors.
type merger struct {
	emit    func(Source, Entry) error
	cursors []*cursor
}

func (m *merger) open(src Source, q Query) (*cursor, error) {
	c, err := openCursor(src, q)
	if err != nil {
		return nil, fmt.Errorf("reading log of %s: %w", src.Name, err)
	}
	m.cursors = append(m.cursors, c)
	return c, nil
}

func (m *merger) close() error {
	var err error
	for _, c := range m.cursors {
		err = errors.Join(err, c.close())
	}
	m.cursors = nil
	return err
}

// followFills is how many blocks of one source are read, once it has been read
// to where it ended in the beginning, before others get their turn.
const followFills = 8

// drain hands on what the dirty cursors have, in order of time. Those that have
// no more are dirty no longer.
func (m *merger) drain(ctx context.Context) error {
	ready := make(byTime, 0, len(m.cursors))
	for _, c := range m.cursors {
		if !c.dirty {
			continue
		}
		c.fills = followFills
		if c.stop >= 0 {
			c.fills = math.MaxInt
		}
		out, err := c.next(ctx)
		if err != nil {
			return c.wrap(err)
		}
		c.dirty = out == paused
		if out == found {
			ready = append(ready, c)
		}
	}
	heap.Init(&ready)
	for len(ready) > 0 {
		c := ready[0]
		if err := m.emit(c.src, c.entry); err != nil {
			return err
		}
		out, err := c.next(ctx)
		if err != nil {
			return c.wrap(err)
		}
		if out == found {
			if len(ready) > 1 {
				heap.Fix(&ready, 0)
			}
			continue
		}
		c.dirty = out == paused
		heap.Pop(&ready)
	}
	return nil
}

// wrap says whose log an error is about, unless it is the caller's own.
func (c *cursor) wrap(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("reading log of %s: %w", c.src.Name, err)
}

// byTime is a heap of cursors, the one with the earliest entry first.
type byTime []*cursor

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].entry.Time.Before(h[j].entry.Time) }
func (h byTime) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byTime) Push(x any)        { *h = append(*h, x.(*cursor)) }
func (h *byTime) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	*h = (*h)[:last]
	return c
}
