package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gocompose/gocompose/internal/flock"
)

// maxSize is how large a file of the journal grows, in bytes, before it becomes the
// older one of the two. A line is some 200 bytes, and the labels.
const maxSize = 1 << 20

// Names in the journal's folder.
const (
	currentName = "journal"
	olderName   = "journal.1"
	lockName    = "lock" // of who renames
)

// Journal is a folder with the latest events of all containers, a line each. Any
// number of processes add to it at the same time; none waits for another.
type Journal struct {
	dir string
	max int64
}

// In returns the journal in a folder, which need not be there. With no folder
// nothing is noted.
func In(dir string) Journal { return Journal{dir, maxSize} }

// Note adds an event. What cannot be written, because the disk is full for
// instance, is missing: that is no reason to do anything else than what was done.
func (j Journal) Note(e Event) {
	if j.dir == "" {
		return
	}
	_ = j.add(e)
}

func (j Journal) add(e Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	for {
		if lost, err := j.write(line); !lost || err != nil {
			return err
		}
	}
}

// write appends a line to the file that lines are added to now.
func (j Journal) write(line []byte) (lost bool, err error) {
	f, err := j.open()
	if err != nil {
		return false, err
	}
	lost, err = appendTo(f, line)
	return lost, errors.Join(err, f.Close())
}

// appendTo appends a line, in one call. It reports that the line is lost when the
// file was turned over twice meanwhile, and has no name any more.
func appendTo(f *os.File, line []byte) (lost bool, err error) {
	if _, err := f.Write(line); err != nil {
		return false, err
	}
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	return info.Sys().(*syscall.Stat_t).Nlink == 0, nil
}

// open opens the file that lines are added to now.
func (j Journal) open() (*os.File, error) {
	path := filepath.Join(j.dir, currentName)
	f, err := openAppending(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(j.dir, 0o700); err != nil {
			return nil, err
		}
		f, err = openAppending(path)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if info.Size() < j.max {
		return f, nil
	}
	if err := errors.Join(f.Close(), j.rotate()); err != nil {
		return nil, err
	}
	return openAppending(path)
}

func openAppending(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
}

// rotate makes the file that is full the older one, unless somebody else does.
func (j Journal) rotate() error {
	lock, err := flock.Try(filepath.Join(j.dir, lockName))
	if errors.Is(err, flock.ErrLocked) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("turning the journal over: %w", err)
	}
	path := filepath.Join(j.dir, currentName)
	info, err := os.Stat(path)
	if err == nil && info.Size() >= j.max {
		err = os.Rename(path, filepath.Join(j.dir, olderName))
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, lock.Unlock())
}
