package shim

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// stdin is the FIFO that is the standard input of a container without a
// terminal. Its end does not come until it is closed: the shim has it open for
// writing.
type stdin struct {
	path   string
	writer *os.File
}

// stdinPath is the path of the FIFO in a task's bundle.
func stdinPath(bundle string) string { return filepath.Join(bundle, "gocompose-stdin") }

// makeStdin makes the FIFO. Of a terminal the inner service opens it, and keeps
// its end from coming.
func makeStdin(bundle string, terminal bool) (*stdin, error) {
	s := &stdin{path: stdinPath(bundle)}
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err // a FIFO of an earlier try may still have a writer
	}
	if err := unix.Mkfifo(s.path, 0o600); err != nil {
		return nil, &fs.PathError{Op: "mkfifo", Path: s.path, Err: err}
	}
	if terminal {
		return s, nil
	}
	var err error
	s.writer, err = os.OpenFile(s.path, os.O_RDWR, 0) // for reading too: else it would wait for a reader
	return s, err
}

// open opens the FIFO as the container gets it.
func (s *stdin) open() (*os.File, error) { return os.OpenFile(s.path, os.O_RDONLY, 0) }

// name returns the FIFO's path; none without standard input.
func (s *stdin) name() string {
	if s == nil {
		return ""
	}
	return s.path
}

func (s *stdin) close() error {
	if s == nil || s.writer == nil {
		return nil
	}
	return s.writer.Close()
}
