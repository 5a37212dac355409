// Package flock holds files as locks between processes: a lock goes with the
// process that holds it, however it ends.
package flock

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLocked: somebody else holds the lock.
var ErrLocked = errors.New("locked")

// Lock is one held lock.
type Lock struct{ f *os.File }

// Unlock lets go of the lock.
func (l *Lock) Unlock() error { return l.f.Close() }

// Try takes the lock at path, or returns ErrLocked at once.
func Try(path string) (*Lock, error) {
	return current(path, func() (*Lock, error) {
		f, err := open(path)
		if err != nil {
			return nil, err
		}
		return take(f, unix.LOCK_EX|unix.LOCK_NB)
	})
}

// current takes the lock until it is that of the file at path: whoever had it
// before may have removed the file, and the next one makes another.
func current(path string, lock func() (*Lock, error)) (*Lock, error) {
	for {
		l, err := lock()
		if err != nil {
			return nil, err
		}
		have, err := l.f.Stat()
		if err != nil {
			return nil, errors.Join(err, l.Unlock())
		}
		if there, err := os.Stat(path); err == nil && os.SameFile(have, there) {
			return l, nil
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, l.Unlock())
		}
		if err := l.Unlock(); err != nil {
			return nil, err
		}
	}
}

// Acquire takes the lock at path, and waits for it until ctx ends.
func Acquire(ctx context.Context, path string) (*Lock, error) {
	return current(path, func() (*Lock, error) { return acquire(ctx, path, unix.LOCK_EX) })
}

// Share takes the lock at path together with others who share it, and waits
// for one who has it alone until ctx ends.
func Share(ctx context.Context, path string) (*Lock, error) {
	return current(path, func() (*Lock, error) { return acquire(ctx, path, unix.LOCK_SH) })
}

func acquire(ctx context.Context, path string, how int) (*Lock, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	l, err := take(f, how|unix.LOCK_NB)
	if !errors.Is(err, ErrLocked) {
		return l, err
	}
	f, err = open(path)
	if err != nil {
		return nil, err
	}
	type result struct {
		l   *Lock
		err error
	}
	got := make(chan result, 1)
	go func() {
		l, err := take(f, how)
		got <- result{l, err}
	}()
	select {
	case r := <-got:
		return r.l, r.err
	case <-ctx.Done():
		// The kernel's wait cannot be called off; whoever it is granted to in
		// the end gives it back at once.
		go func() {
			if r := <-got; r.l != nil {
				_ = r.l.Unlock()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

// AcquireNotify is Acquire that calls waiting once when it has to wait longer
// than after.
func AcquireNotify(ctx context.Context, path string, after time.Duration, waiting func()) (*Lock, error) {
	timer := time.AfterFunc(after, waiting)
	defer timer.Stop()
	return Acquire(ctx, path)
}

func open(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, unix.EISDIR) {
		return os.Open(path) // a folder of others, who may not want a file in it
	}
	return f, err
}

func take(f *os.File, how int) (*Lock, error) {
	for {
		err := unix.Flock(int(f.Fd()), how)
		switch {
		case err == nil:
			return &Lock{f}, nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			err = ErrLocked
		}
		return nil, errors.Join(err, f.Close())
	}
}
