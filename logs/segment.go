package logs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// segments are open log files of one folder, oldest first.
type segments []*os.File

// scanTries bounds how often files are opened anew because they were rotated
// meanwhile.
const scanTries = 100

// openSegments opens the log files in dir that are newer than known, or all of
// them if known is nil or no longer there.
func openSegments(dir string, known *os.File) (segments, error) {
	for try := 1; ; try++ {
		segs, err := scan(dir, known)
		if err != nil || try == scanTries || segs.current(dir) {
			slices.Reverse(segs)
			return segs, err
		}
		if err := segs.close(); err != nil {
			return nil, err
		}
	}
}

// scan opens log files from the live one to older ones. As that is the way in
// which rotation moves them, it can meet a file twice but miss none, as long as
// the first one stays the live one.
func scan(dir string, known *os.File) (segments, error) {
	var segs segments
	for i, missing := 0, 0; missing < 2; i++ {
		f, err := os.Open(filepath.Join(dir, fileName(i)))
		if errors.Is(err, fs.ErrNotExist) {
			missing++ // one at a time is missing while a rotation goes on
			continue
		}
		if err != nil {
			return nil, errors.Join(err, segs.close())
		}
		missing = 0
		reached := known != nil && sameFile(f, known)
		if !reached && !slices.ContainsFunc(segs, func(g *os.File) bool { return sameFile(f, g) }) {
			segs = append(segs, f)
			continue
		}
		if err := f.Close(); err != nil {
			return nil, errors.Join(err, segs.close())
		}
		if reached {
			break
		}
	}
	return segs, nil
}

// current tells whether the first of s is the live file of dir, if there are
// any files.
func (s segments) current(dir string) bool {
	live, err := os.Stat(filepath.Join(dir, liveName))
	if err != nil || len(s) == 0 {
		return len(s) == 0
	}
	first, err := s[0].Stat()
	return err == nil && os.SameFile(live, first)
}

func (s segments) close() error {
	var err error
	for _, f := range s {
		err = errors.Join(err, f.Close())
	}
	return err
}

func sameFile(a, b *os.File) bool {
	ai, aerr := a.Stat()
	bi, berr := b.Stat()
	return aerr == nil && berr == nil && os.SameFile(ai, bi)
}

// place is a position between two lines: in the seg-th segment, off bytes in.
type place struct {
	seg int
	off int64
}

// sinceBlock is how much is rather read than searched.
const sinceBlock = 64 << 10

// seekTime returns a place not after the first entry of time t or later, for
// files in order of time. Reading from there must still skip what is older.
func (s segments) seekTime(t time.Time) (place, error) {
	seg := 0
	for i := len(s) - 1; i > 0; i-- {
		first, _, ok, err := entryAfter(s[i], 0)
		if err != nil {
			return place{}, err
		}
		if ok && first.Before(t) {
			seg = i
			break
		}
	}
	if len(s) == 0 {
		return place{}, nil
	}
	info, err := s[seg].Stat()
	if err != nil {
		return place{}, err
	}
	low, high := int64(0), info.Size()
	for high-low > sinceBlock {
		mid := low + (high-low)/2
		at, off, ok, err := entryAfter(s[seg], mid)
		if err != nil {
			return place{}, err
		}
		if !ok || off >= high || !at.Before(t) {
			high = mid
			continue
		}
		low = off
	}
	return place{seg, low}, nil
}

// entryAfter finds the first whole entry that begins at or after off, or at 0,
// and tells its time and where it begins.
func entryAfter(f *os.File, off int64) (t time.Time, begin int64, ok bool, err error) {
	buf := make([]byte, 2*maxRecord)
	n, err := f.ReadAt(buf, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return t, 0, false, err
	}
	rest, at := buf[:n], off
	skip := off > 0
	var p parser
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return t, 0, false, nil
		}
		if e, ok := p.parse(rest[:i]); ok && !skip {
			return e.Time, at, true, nil
		}
		skip = false
		rest, at = rest[i+1:], at+int64(i)+1
	}
}
