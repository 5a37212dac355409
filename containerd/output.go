package containerd

import (
	"bufio"
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
// reads all: nobody who prints has to wait.
type output struct {
	path   string
	reader *os.File
	writer *os.File      // keeps the end from coming before the shim writes
	done   chan struct{} // closed when all has been read
}

// openOutput makes a FIFO at path, in place of one that was left there, and has
// take read it, from a goroutine of its own; what take leaves is dropped.
func openOutput(path string, take func(io.Reader)) (*output, error) {
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
		take(r)
		_, _ = io.Copy(io.Discard, r)
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

func (o *output) close() {
	_ = o.writer.Close() // it may have been released
	_ = o.reader.Close()
	<-o.done
	_ = os.Remove(o.path) // it need not be there
}

// beginning returns what keeps so many bytes in b.
func beginning(b *bytes.Buffer, limit int) func(io.Reader) {
	return func(r io.Reader) { _, _ = io.CopyN(b, r, int64(limit)) }
}

// maxLine is how much is kept of a line that does not end.
const maxLine = 16 << 10

// lines returns what gives print each line, without its end.
func lines(print func(string)) func(io.Reader) {
	return func(r io.Reader) {
		b := bufio.NewReaderSize(r, maxLine)
		for {
			line, tooLong, err := b.ReadLine()
			if err != nil {
				return
			}
			print(string(line))
			for tooLong && err == nil {
				_, tooLong, err = b.ReadLine()
			}
		}
	}
}
