package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	readSize  = 64 << 10  // of one read: a pipe's usual capacity
	flushSize = 128 << 10 // a batch is written when it would grow beyond this
)

// Writer appends to one container's log. At most one Writer may be open for a
// folder. Its methods may be called from several goroutines.
//
// A failing disk never holds up those who print: lines that cannot be written
// are counted, and the count becomes an entry of its own once writing works
// again.
type Writer struct {
	dir    string
	limits Limits
	now    func() time.Time
	open   func(name string) (io.WriteCloser, int64, error)

	mu   sync.Mutex
	file io.WriteCloser // nil if it could not be opened again
	size int64          // of file, as far as written
	buf  []byte         // whole lines, not yet written
	last time.Time

	torn  []byte // rest of a line of which the file has the beginning
	lost  int    // lines dropped since writing last worked
	cause error  // why
}

// OpenWriter opens the log in dir, which is made if need be. Earlier entries
// are kept, and a line that an earlier writer could not finish is ended.
func OpenWriter(dir string, l Limits) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making log folder: %w", err)
	}
	w := &Writer{dir: dir, limits: l, now: time.Now, open: openLive}
	if err := w.reopen(); err != nil {
		return nil, fmt.Errorf("opening log: %w", err)
	}
	return w, nil
}

// openLive opens a log file for appending and says how long it is.
func openLive(name string) (io.WriteCloser, int64, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return nil, 0, err
	}
	size, err := endLastLine(f)
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, size, nil
}

// endLastLine appends a newline to a file whose last line has none. What is
// there of that line is kept if its head is whole; readers skip it otherwise.
func endLastLine(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return 0, err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
		return 0, err
	}
	if last[0] == '\n' {
		return info.Size(), nil
	}
	if _, err := f.Write([]byte{'\n'}); err != nil {
		return 0, err
	}
	return info.Size() + 1, nil
}

// Acknowledger is a reader that keeps what it has given until it is told that
// so many bytes of it are in the log.
type Acknowledger interface {
	io.Reader
	Ack(n int) error
}

// Copy reads from r until its end and appends what it reads to the log as
// lines of stream s. A last line without a newline is kept as a partial entry.
// The error is r's. Whole reads are acknowledged: the beginning of a line that
// is not whole yet is not waited for.
func (w *Writer) Copy(s Stream, r Acknowledger) error {
	buf := make([]byte, readSize)
	n := 0
	for {
		m, err := r.Read(buf[n:])
		n += m
		switch {
		case errors.Is(err, io.EOF):
			w.append(s, buf[:n], atEnd)
			return nil
		case err != nil:
			w.append(s, buf[:n], atEnd)
			return fmt.Errorf("reading %s: %w", s, err)
		}
		n = copy(buf, buf[w.append(s, buf[:n], moreComes):n])
		if err := r.Ack(m); err != nil {
			w.append(s, buf[:n], atEnd)
			return fmt.Errorf("reading %s: %w", s, err)
		}
	}
}

// Close writes what it can of the count of lost lines, and closes the file.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.behind() {
		w.recover()
	}
	if w.file == nil {
		return nil
	}
	err := w.file.Close()
	w.file = nil
	return err
}

// ending says whether data that has no newline may still get one.
type ending int

const (
	moreComes ending = iota
	atEnd
)

// append writes the lines in data and returns how much of data they are.
func (w *Writer) append(s Stream, data []byte, end ending) (used int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.stamp()
	full := appendHeader(nil, t, s, false)
	part := appendHeader(nil, t, s, true)
	for used < len(data) {
		rest := data[used:]
		window := rest[:min(len(rest), MaxLine+1)]
		i := bytes.IndexByte(window, '\n')
		switch {
		case i >= 0:
			w.put(full, rest[:i])
			used += i + 1
		case len(rest) > MaxLine:
			w.put(part, rest[:MaxLine])
			used += MaxLine
		case end == atEnd:
			w.put(part, rest)
			used = len(data)
		default:
			w.flush()
			return used
		}
	}
	w.flush()
	return used
}

// stamp returns the time, not before the last one unless the clock was set
// back: the streams' readers race for the lock.
func (w *Writer) stamp() time.Time {
	t := w.now()
	if t.Before(w.last) && w.last.Sub(t) < time.Second {
		return w.last
	}
	w.last = t
	return t
}

// put adds an entry to the batch. A file takes at least one entry.
func (w *Writer) put(header, line []byte) {
	need := len(header) + len(line) + 1
	filled := w.size + int64(len(w.buf))
	switch {
	case w.limits.MaxSize > 0 && filled > 0 && filled+int64(need) > w.limits.MaxSize:
		w.flush()
		w.rotate()
	case len(w.buf)+need > flushSize:
		w.flush()
	}
	w.buf = append(w.buf, header...)
	w.buf = append(w.buf, line...)
	w.buf = append(w.buf, '\n')
}

// flush writes the batch, or counts its lines as lost.
func (w *Writer) flush() {
	if len(w.buf) == 0 {
		return
	}
	batch := w.buf
	w.buf = w.buf[:0]
	if w.behind() && !w.recover() {
		w.lost += bytes.Count(batch, []byte{'\n'})
		return
	}
	n, err := w.write(batch)
	if err == nil {
		return
	}
	w.cause = err
	rest := batch[n:]
	if n > 0 && batch[n-1] != '\n' {
		end := bytes.IndexByte(rest, '\n') + 1
		w.torn = bytes.Clone(rest[:end])
		rest = rest[end:]
	}
	w.lost += bytes.Count(rest, []byte{'\n'})
}

// behind tells whether something is to be written before the next batch.
func (w *Writer) behind() bool { return w.lost > 0 || len(w.torn) > 0 }

// recover finishes the torn line and says how many lines are missing after it.
// It reports whether all of that could be written.
func (w *Writer) recover() bool {
	head := bytes.Clone(w.torn)
	if w.lost > 0 {
		head = appendHeader(head, w.stamp(), Stderr, false)
		head = fmt.Appendf(head, "%d lines lost: %v\n", w.lost, reason(w.cause))
	}
	n, err := w.write(head)
	switch {
	case err == nil:
		w.torn, w.lost, w.cause = nil, 0, nil
		return true
	case n <= len(w.torn):
		w.torn = w.torn[n:]
	default: // the count itself is torn
		w.torn, w.lost = head[n:], 0
	}
	w.cause = err
	return false
}

// reason cuts an error down to what the system said.
func reason(err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno
	}
	return err
}

// write writes to the live file, which it opens if need be.
func (w *Writer) write(b []byte) (int, error) {
	if w.file == nil {
		if err := w.reopen(); err != nil {
			return 0, err
		}
	}
	n, err := w.file.Write(b)
	w.size += int64(n)
	return n, err
}

func (w *Writer) reopen() error {
	f, size, err := w.open(w.path(0))
	if err != nil {
		return err
	}
	w.file, w.size = f, size
	return nil
}
