package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Query says which events are read: those from Since until Until. A zero Since is
// now when Until is zero too, and else the beginning of the journal; a zero Until
// is never.
type Query struct {
	Since, Until time.Time
}

// Read gives emit the events that are asked for, those of the past by time, then
// each that is added. It returns when Until has passed or ctx ends, which is an
// error, or with emit's.
func (j Journal) Read(ctx context.Context, q Query, emit func(Event) error) (err error) {
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return err
	}
	changes := watch(j.dir) // before it is read
	r := &reader{dir: j.dir}
	defer func() { err = errors.Join(err, r.close(), changes.close()) }()
	past, err := r.news()
	if err != nil {
		return err
	}
	if q.Since.IsZero() && q.Until.IsZero() {
		past = nil
	}
	slices.SortStableFunc(past, func(x, y Event) int { return x.Time.Compare(y.Time) })
	if err := q.tell(past, emit); err != nil {
		return err
	}
	until := ctx
	if !q.Until.IsZero() {
		var cancel context.CancelFunc
		until, cancel = context.WithDeadline(ctx, q.Until)
		defer cancel()
	}
	for {
		if err := changes.wait(until); err != nil {
			return ctx.Err() // unless the time is over
		}
		news, err := r.news()
		if err == nil {
			err = q.tell(news, emit)
		}
		if err != nil {
			return err
		}
	}
}

func (q Query) tell(all []Event, emit func(Event) error) error {
	for _, e := range all {
		if e.Time.Before(q.Since) || !q.Until.IsZero() && e.Time.After(q.Until) {
			continue
		}
		if err := emit(e); err != nil {
			return err
		}
	}
	return nil
}

// reader reads a journal through its changes of files.
type reader struct {
	dir   string
	files []*file // the older ones first
}

// file is one that is read, to which something may be added as long as it has a
// name.
type file struct {
	*os.File
	info os.FileInfo
	read int64 // bytes, whole lines
}

func (r *reader) close() error {
	var errs []error
	for _, f := range r.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// news returns the events that were added since the last call.
func (r *reader) news() ([]Event, error) {
	named, err := r.named()
	if err != nil {
		return nil, err
	}
	gone := slices.DeleteFunc(slices.Clone(r.files), func(f *file) bool { return slices.Contains(named, f) })
	r.files = append(gone, named...)
	// The latest file first: what was added to an older one before is there then.
	texts := make([][]byte, len(r.files))
	for i, f := range slices.Backward(r.files) {
		if texts[i], err = f.lines(); err != nil {
			return nil, err
		}
	}
	var all []Event
	for line := range bytes.Lines(slices.Concat(texts...)) {
		if e, ok := parse(line); ok {
			all = append(all, e)
		}
	}
	r.files = named
	var errs []error
	for _, f := range gone {
		errs = append(errs, f.Close())
	}
	return all, errors.Join(errs...)
}

// named opens the files of the journal, the older one first. When they were turned
// over meanwhile, it begins anew.
func (r *reader) named() ([]*file, error) {
	older, current := filepath.Join(r.dir, olderName), filepath.Join(r.dir, currentName)
	for {
		var named []*file
		for _, path := range []string{older, current} {
			f, err := r.open(path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			if err == nil {
				named = append(named, f)
			}
		}
		info, err := os.Stat(older)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil && len(named) < 2 || err == nil && len(named) > 0 && os.SameFile(info, named[0].info) {
			return named, nil
		}
	}
}

// open opens a file, or finds it open.
func (r *reader) open(path string) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	for _, known := range r.files {
		if os.SameFile(known.info, info) {
			return known, f.Close()
		}
	}
	opened := &file{f, info, 0}
	r.files = append(r.files, opened)
	return opened, nil
}

// lines returns the whole lines that were added.
func (f *file) lines() ([]byte, error) {
	b, err := io.ReadAll(io.NewSectionReader(f, f.read, 1<<62))
	if err != nil {
		return nil, err
	}
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	f.read += int64(len(b))
	return b, nil
}

// beginning is how a line begins, and what is nowhere else in it: within strings
// there is a backslash before each quote.
const beginning = `{"time":`

// parse reads a line. It may stand behind the beginning of one that did not fit on
// the disk.
func parse(line []byte) (Event, bool) {
	var e Event
	i := bytes.LastIndex(line, []byte(beginning))
	if i < 0 || json.Unmarshal(line[i:], &e) != nil {
		return e, false
	}
	return e, true
}
