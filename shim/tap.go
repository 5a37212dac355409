package shim

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/logs"
)

// pipeSize of our FIFOs lets a container go on printing while a batch is
// written.
const pipeSize = 256 << 10

// tap is one stream's FIFO.
//
// It is read without being emptied: what Read returns stays in the FIFO until
// Ack says that it is in the log. So a shim that is killed has lost nothing,
// and who ends the container in its place finds the rest (see rescue).
type tap struct {
	stream logs.Stream
	path   string
	reader *os.File
	writer *os.File // keeps the end from coming before the container writes
	// What is read is copied through a pipe, and then thrown away.
	from, to, away *os.File
	// waiting is since when a Read has been waiting, in nanoseconds of Unix
	// time; 0 while there is something to do.
	waiting atomic.Int64
}

// forEver is how long a stream that has ended has been waiting.
const forEver = 1

// makeTap makes the FIFO and opens both of its ends.
func makeTap(s logs.Stream, path string) (*tap, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err // a FIFO of an earlier try may still have a reader
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return nil, &fs.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	t, err := openTap(s, path)
	if err != nil {
		return nil, err
	}
	if t.writer, err = os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	grow(t.writer)
	return t, nil
}

// openTap opens a FIFO for reading.
func openTap(s logs.Stream, path string) (*tap, error) {
	t := &tap{stream: s, path: path}
	var err error
	if t.reader, err = os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0); err != nil {
		return nil, err
	}
	if t.from, t.to, err = os.Pipe(); err == nil {
		t.away, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// grow gives a FIFO more room. The kernel may refuse: then it has less.
func grow(f *os.File) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
}

// Read returns what is in the FIFO and leaves it there. It must be followed by
// Ack of all that it returned.
func (t *tap) Read(p []byte) (int, error) {
	t.waiting.Store(time.Now().UnixNano())
	n, err := t.peek(len(p))
	t.waiting.Store(0)
	if errors.Is(err, os.ErrDeadlineExceeded) { // see end
		return 0, io.EOF
	}
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", t.path, err)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return io.ReadFull(t.from, p[:n])
}

// peek copies at most so many bytes into the pipe, and waits for the first.
func (t *tap) peek(most int) (n int, err error) {
	to, err := t.to.SyscallConn()
	if err != nil {
		return 0, err
	}
	return n, errors.Join(onFd(t.reader, func(fd int) (again bool) {
		cerr := to.Control(func(pipe uintptr) {
			var copied int64
			copied, err = unix.Tee(fd, int(pipe), most, unix.SPLICE_F_NONBLOCK)
			n = int(copied)
		})
		err = errors.Join(err, cerr)
		return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)
	}), err)
}

// Ack takes the first n bytes out of the FIFO: they are where they belong.
func (t *tap) Ack(n int) error {
	away, err := t.away.SyscallConn()
	if err != nil {
		return err
	}
	for n > 0 && err == nil {
		err = errors.Join(onFd(t.reader, func(fd int) (again bool) {
			cerr := away.Control(func(null uintptr) {
				var gone int64
				gone, err = unix.Splice(fd, nil, int(null), nil, n, unix.SPLICE_F_NONBLOCK)
				n -= int(max(gone, 0))
			})
			err = errors.Join(err, cerr)
			return errors.Is(err, unix.EINTR)
		}), err)
	}
	if err != nil {
		return fmt.Errorf("emptying %s: %w", t.path, err)
	}
	return nil
}

// onFd calls do, and again as long as it says so when the file is readable.
func onFd(f *os.File, do func(fd int) (again bool)) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	return conn.Read(func(fd uintptr) bool { return !do(int(fd)) })
}

// outlet opens the FIFO as the container gets it: also for reading, so that
// somebody reads it, and what is in it stays, for as long as the container
// lives, whatever becomes of its shim.
func (t *tap) outlet() (*os.File, error) {
	fd, err := unix.Open(t.path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: t.path, Err: err}
	}
	return os.NewFile(uintptr(fd), t.path), nil
}

// end ends reading after so much time, where nothing is there to be read,
// though somebody has the FIFO open for writing.
func (t *tap) end(after time.Duration) error { return t.reader.SetReadDeadline(time.Now().Add(after)) }

// release lets the end come when nobody else has the FIFO open for writing.
func (t *tap) release() error { return t.writer.Close() }

// Close closes what is open.
func (t *tap) Close() error {
	var errs []error
	for _, f := range []*os.File{t.reader, t.writer, t.from, t.to, t.away} {
		if f == nil {
			continue
		}
		if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
