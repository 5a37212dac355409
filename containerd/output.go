package containerd

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// output reads what a program prints, from a FIFO that the shim writes to. It
// keeps the beginning, and reads all: nobody who prints has to wait.
type output struct {
	path   string
	reader *os.File
	writer *os.File // keeps the end from coming before the shim writes
	kept   bytes.Buffer
	done   chan struct{} // closed when kept is complete
}

// openOutput makes a FIFO at path, in place of one that was left there, and
// begins to read it.
func openOutput(path string, limit int) (*output, error) {
	if err := makeFifo(path); err != nil {
		return nil, err
	}
	r, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	w, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, errors.Join(err, r.Close(), os.Remove(path))
	}
	o := &output{path: path, reader: r, writer: w, done: make(chan struct{})}
	go func() { // ends with the reader, for which close waits
		defer close(o.done)
		// An error is the reader's end, or the deadline that drain sets.
		if _, err := io.CopyN(&o.kept, r, int64(limit)); err == nil {
			_, _ = io.Copy(io.Discard, r)
		}
	}()
	return o, nil
}

func makeFifo(path string) error {
	err := unix.Mkfifo(path, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		if err := os.Remove(path); err != nil {
			return err
		}
		err = unix.Mkfifo(path, 0o600)
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		err = unix.Mkfifo(path, 0o600)
	}
	if err != nil {
		return &fs.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	return nil
}

// release leaves the FIFO to who has opened it for writing by now.
func (o *output) release() { _ = o.writer.Close() }

// drain waits until everything has been read, or for the given time.
func (o *output) drain(limit time.Duration) {
	_ = o.reader.SetReadDeadline(time.Now().Add(limit)) // a FIFO that was opened so has deadlines
	<-o.done
}

// text returns what was kept. It must have been drained.
func (o *output) text() string { return o.kept.String() }

func (o *output) close() {
	_ = o.writer.Close() // it may have been released
	_ = o.reader.Close()
	<-o.done
	_ = os.Remove(o.path) // it need not be there
}
