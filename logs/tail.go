package logs

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// seekTail returns the place where the last q.Tail lines begin, among those
// between q.Since and q.Until. It reads backwards, as little as it can. The
// pieces of a long line count as one.
func (s segments) seekTail(q Query) (place, error) {
	t := tail{q: q, open: map[Stream]bool{}}
	for i := len(s) - 1; i >= 0; i-- {
		t.at.seg = i
		enough, err := t.scan(s[i])
		if err != nil || enough {
			return t.at, err
		}
	}
	return place{}, nil
}

// tail counts lines from the last one backwards.
type tail struct {
	q     Query
	lines int
	open  map[Stream]bool // the last seen entry of the stream ended a line or the log
	at    place           // before the earliest entry taken
	parser
}

// scan goes through f from its last newline to its beginning, unless the place
// looked for comes before that.
func (t *tail) scan(f *os.File) (enough bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	size := 4 * maxRecord
	end, whole := info.Size(), false
	for end > 0 {
		begin := max(0, end-int64(size))
		buf := make([]byte, end-begin)
		if _, err := f.ReadAt(buf, begin); err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if !whole { // what follows the last newline is not there yet
			buf = buf[:bytes.LastIndexByte(buf, '\n')+1]
			t.at.off = begin + int64(len(buf))
			whole = len(buf) > 0
		}
		used, enough := t.block(buf, begin)
		if enough {
			return true, nil
		}
		if used == 0 && whole && begin > 0 { // a line longer than ours can be
			size *= 2
			continue
		}
		end = begin + int64(len(buf)) - int64(used)
	}
	t.at.off = 0
	return false, nil
}

// block takes the lines in buf, which lies at begin in its file and ends with a
// newline, from the last one. A line at the beginning of buf may be cut off, so
// it is left unless it is the file's first. It returns the bytes taken.
func (t *tail) block(buf []byte, begin int64) (used int, enough bool) {
	end := len(buf)
	for end > 0 {
		start := bytes.LastIndexByte(buf[:end-1], '\n') + 1
		if start == 0 && begin > 0 {
			break
		}
		if e, ok := t.parse(buf[start : end-1]); ok && !t.take(e) {
			return len(buf) - end, true
		}
		end = start
		t.at.off = begin + int64(start)
	}
	return len(buf) - end, false
}

// take counts an entry. It reports false if the entry comes before the place
// looked for.
func (t *tail) take(e Entry) bool {
	switch {
	case !t.q.Until.IsZero() && e.Time.After(t.q.Until):
		return true
	case !t.q.Since.IsZero() && e.Time.Before(t.q.Since):
		return false
	case e.Partial && t.open[e.Stream]: // a piece of a line that counts already
		return true
	case t.lines == t.q.Tail:
		return false
	}
	t.lines++
	t.open[e.Stream] = true
	return true
}
