package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// OptionsFile is the file in a task's bundle that holds its options, for who
// comes after a shim that has died. DeletedFile is what it becomes when the task
// has been deleted: then nothing is left to do.
const (
	OptionsFile = "gocompose-options"
	DeletedFile = "gocompose-deleted"
)

// delete answers for a task that was deleted: its exit is known, nobody asks
// for it again. containerd calls it whenever a shim has ended.
func (c Call) delete() ([]byte, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	bundle := filepath.Join(filepath.Dir(cwd), c.ID)
	if !isDeleted(bundle) {
		return nil, errUnusual
	}
	return deleted(time.Now()), RemoveSocket(bundle)
}

// isDeleted tells whether the task was deleted, perhaps with its bundle.
func isDeleted(bundle string) bool {
	if _, err := os.Stat(bundle); errors.Is(err, fs.ErrNotExist) {
		return true
	}
	_, err := os.Stat(filepath.Join(bundle, DeletedFile))
	return err == nil
}

// RemoveSocket removes the socket of a bundle's shim that is dead.
func RemoveSocket(bundle string) error {
	address, err := os.ReadFile(filepath.Join(bundle, AddressFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was never started
	}
	if err != nil {
		return err
	}
	path, ok := strings.CutPrefix(string(address), scheme)
	if !ok {
		return fmt.Errorf("%q is no address of a shim", address)
	}
	serves, err := isServed(path)
	if err != nil || serves { // a group's, for other containers
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// isServed tells whether somebody listens at a socket.
func isServed(path string) (bool, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return false, fmt.Errorf("making a socket: %w", err)
	}
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	_ = unix.Close(fd)
	return err == nil || errors.Is(err, unix.EAGAIN), nil
}
