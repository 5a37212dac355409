package shim

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/shim/attach"
)

// stdin is the FIFO that is a container's standard input, or that the inner service
// types at its terminal from. Its end does not come until it is closed: the shim has
// it open for writing, or of a terminal the inner service.
type stdin struct {
	path     string
	terminal bool

	mu      sync.Mutex
	writers map[*stdinWriter]bool
	ended   bool
}

// stdinPath is the path of the FIFO in a task's bundle.
func stdinPath(bundle string) string { return filepath.Join(bundle, "gocompose-stdin") }

// makeStdin makes the FIFO.
func makeStdin(bundle string, terminal bool) (*stdin, error) {
	s := &stdin{path: stdinPath(bundle), terminal: terminal, writers: map[*stdinWriter]bool{}}
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err // a FIFO of an earlier try may still have a writer
	}
	if err := unix.Mkfifo(s.path, 0o600); err != nil {
		return nil, &fs.PathError{Op: "mkfifo", Path: s.path, Err: err}
	}
	if terminal {
		return s, nil
	}
	_, err := s.Open()
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

// stdinWriter is one that the FIFO is open for. It is open for reading too: else
// opening would wait for a reader, and of a terminal fail.
type stdinWriter struct {
	*os.File
	stdin *stdin
}

// Open implements attach.Input.
func (s *stdin) Open() (attach.InputWriter, error) {
	if s == nil {
		return nil, fs.ErrNotExist
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, fs.ErrNotExist
	}
	f, err := os.OpenFile(s.path, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	w := &stdinWriter{f, s}
	s.writers[w] = true
	return w, nil
}

// Close may be called twice.
func (w *stdinWriter) Close() error {
	w.stdin.mu.Lock()
	defer w.stdin.mu.Unlock()
	if !w.stdin.writers[w] {
		return nil
	}
	delete(w.stdin.writers, w)
	return w.File.Close()
}

// End implements attach.Input. The end of what is typed is not that of a terminal.
func (s *stdin) End() {
	if s != nil && !s.terminal {
		_ = s.close()
	}
}

// close closes the FIFO for all who write to it.
func (s *stdin) close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	var err error
	for w := range s.writers {
		err = errors.Join(err, w.File.Close())
	}
	clear(s.writers)
	return err
}
