package logs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// cursor reads one source's entries in order.
type cursor struct {
	src  Source
	q    Query
	segs segments // that are not read to their end, oldest first
	off  int64    // in segs[0], of what comes after buf
	stop int64    // in the last of segs: where to end for now; below 0: never
	buf  []byte
	data []byte // of buf, not yet taken
	skip bool   // what comes next is the rest of a line too long to be ours
	parser

	entry Entry // the last one that next has found
	fills int   // how many blocks may be read before others get their turn
	dirty bool  // there may be something to read
	lacks bool  // the live file is missing: for a moment, or for good
	// then is to be called when stop is reached.
	then []func() error
}

// outcome says how a search for the next entry went.
type outcome int

const (
	found     outcome = iota
	exhausted         // no more for now, or for good if nobody writes
	paused            // the budget is spent
)

// openCursor opens a source where q begins. What is there now comes first, up
// to c.stop.
func openCursor(src Source, q Query) (*cursor, error) {
	segs, err := openSegments(src.Dir, nil)
	if err != nil {
		return nil, err
	}
	c := &cursor{src: src, q: q, segs: segs, stop: -1, dirty: true}
	at, err := c.begin()
	if err != nil {
		return nil, errors.Join(err, segs.close())
	}
	if len(segs) == 0 {
		return c, nil
	}
	info, err := segs[len(segs)-1].Stat()
	if err != nil {
		return nil, errors.Join(err, segs.close())
	}
	c.stop = info.Size()
	c.segs, c.off = segs[at.seg:], at.off
	return c, segs[:at.seg].close()
}

func (c *cursor) begin() (place, error) {
	switch {
	case c.q.Tail >= 0:
		return c.segs.seekTail(c.q)
	case !c.q.Since.IsZero():
		return c.segs.seekTime(c.q.Since)
	}
	return place{}, nil
}

func (c *cursor) close() error { return c.segs.close() }

// next looks for the next entry that the query wants and puts it in c.entry,
// where it is good until the next call.
func (c *cursor) next(ctx context.Context) (outcome, error) {
	for {
		i := bytes.IndexByte(c.data, '\n')
		if i < 0 {
			if out, err := c.fill(ctx); out != found || err != nil {
				return out, err
			}
			continue
		}
		line := c.data[:i]
		c.data = c.data[i+1:]
		if c.skip {
			c.skip = false
			continue
		}
		e, ok := c.parse(line)
		if !ok || !c.q.Since.IsZero() && e.Time.Before(c.q.Since) {
			continue
		}
		if !c.q.Until.IsZero() && e.Time.After(c.q.Until) {
			if e.Time.Sub(c.q.Until) > time.Second {
				return exhausted, nil // files are in order of time
			}
			continue
		}
		c.entry = e
		return found, nil
	}
}

// fill reads more, from the next segment if the first one has no more.
func (c *cursor) fill(ctx context.Context) (outcome, error) {
	if err := ctx.Err(); err != nil {
		return exhausted, err
	}
	if len(c.segs) == 0 {
		return exhausted, nil
	}
	if c.fills == 0 {
		return paused, nil
	}
	c.fills--
	n, err := c.read()
	if n > 0 || err != nil {
		return found, err
	}
	if len(c.segs) == 1 {
		return exhausted, nil
	}
	err = c.segs[0].Close()
	c.segs, c.off, c.data, c.skip = c.segs[1:], 0, nil, false
	return found, err
}

// read appends to c.data from the first segment.
func (c *cursor) read() (int, error) {
	if c.buf == nil {
		c.buf = make([]byte, 16*maxRecord)
	}
	if len(c.data) > 2*maxRecord { // not a line of ours
		c.data, c.skip = nil, true
	}
	have := copy(c.buf, c.data)
	room := c.buf[have:]
	if c.stop >= 0 && len(c.segs) == 1 {
		room = room[:max(0, min(int64(len(room)), c.stop-c.off))]
	}
	n, err := c.segs[0].ReadAt(room, c.off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	c.off += int64(n)
	c.data = c.buf[:have+n]
	return n, err
}

// advance appends files that have become the live one since. It reports whether
// there are any.
func (c *cursor) advance() (bool, error) {
	if len(c.segs) > 0 {
		live, err := os.Stat(filepath.Join(c.src.Dir, liveName))
		if c.lacks = errors.Is(err, fs.ErrNotExist); c.lacks {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		mine, err := c.segs[len(c.segs)-1].Stat()
		if err != nil || os.SameFile(live, mine) {
			return false, err
		}
	}
	return c.append()
}

// append appends the files that are newer than those of the cursor. It reports
// whether there are any.
func (c *cursor) append() (bool, error) {
	var known *os.File
	if len(c.segs) > 0 {
		known = c.segs[len(c.segs)-1]
	}
	segs, err := openSegments(c.src.Dir, known)
	if err != nil {
		return false, err
	}
	c.segs = append(c.segs, segs...)
	return len(segs) > 0, nil
}

// limit has the cursor read to where its source ends now, and no further until
// that is reached.
func (c *cursor) limit() error {
	_, err := c.advance()
	if err == nil && c.lacks { // in the middle of a rotation: there may be files newer than ours
		_, err = c.append()
	}
	if err != nil || len(c.segs) == 0 {
		return err
	}
	info, err := c.segs[len(c.segs)-1].Stat()
	if err != nil {
		return err
	}
	c.stop = info.Size()
	return nil
}

// reached calls what waited for the cursor's limit.
func (c *cursor) reached() error {
	for len(c.then) > 0 {
		do := c.then[0]
		c.then = c.then[1:]
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// gone tells whether the source's folder has been removed.
func (c *cursor) gone() bool {
	_, err := os.Stat(c.src.Dir)
	return errors.Is(err, fs.ErrNotExist)
}
