package cmd

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// stoppable reads a file in such a way that a Read that waits can be ended: what is
// typed later is for somebody else.
type stoppable struct {
	file         *os.File
	ended, ender *os.File // a pipe: it is over when its end has come
}

func newStoppable(f *os.File) (*stoppable, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &stoppable{file: f, ended: r, ender: w}, nil
}

// Read implements io.Reader. Being stopped is an error, and not the end of the file.
func (s *stoppable) Read(p []byte) (int, error) {
	waits := []unix.PollFd{{Fd: int32(s.file.Fd()), Events: unix.POLLIN}, {Fd: int32(s.ended.Fd()), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(waits, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if waits[1].Revents != 0 {
			return 0, os.ErrClosed
		}
		return s.file.Read(p)
	}
}

// stop has Read end.
func (s *stoppable) stop() error { return s.ender.Close() }
