// Package netns makes, removes and enters network namespaces that are bound to
// files. To find, bind and unbind, it serves for namespaces of every kind.
//
// Whatever happens in a namespace happens on a thread of its own that ends
// afterwards, so no goroutine ever finds itself in a namespace it did not ask
// for. Go makes no threads out of such a thread.
package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/unmount"
)

// Exists tells whether a namespace is bound at path: a file that is
// only a file, left by an attempt that was cut short, is none.
func Exists(path string) (bool, error) {
	var st unix.Statfs_t
	err := unix.Statfs(path, &st)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking at the namespace %s: %w", path, err)
	}
	return uint32(st.Type) == unix.NSFS_MAGIC, nil
}

// Create makes a network namespace and binds it at path, and calls fn in it.
// When fn fails the namespace stays.
func Create(path string, fn func() error) error {
	if err := prepare(path); err != nil {
		return err
	}
	return OnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making a network namespace: %w", err)
		}
		if err := unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("binding a network namespace at %s: %w", path, err)
		}
		return fn()
	})
}

// Bind binds the namespace that is bound at from at path too. It lives for
// as long as one of them is.
func Bind(from, path string) error {
	if is, err := Exists(from); err != nil {
		return err
	} else if !is {
		return fmt.Errorf("binding a namespace at %s: there is none at %s", path, from)
	}
	if err := prepare(path); err != nil {
		return err
	}
	if err := unix.Mount(from, path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("binding the namespace %s at %s: %w", from, path, err)
	}
	return nil
}

// prepare makes the file that a namespace is bound at.
func prepare(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o400)
	if err != nil {
		return err
	}
	return f.Close()
}

// Remove unbinds the namespace at path and removes the file. The namespace
// itself goes when no process and no socket is in it any more. Nothing there is
// no error.
func Remove(path string) error {
	if err := unmount.All(path); err != nil {
		return fmt.Errorf("unbinding a namespace: %w", err)
	}
	// Copies of the mount in other mount namespaces go with the file.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Do calls fn in the network namespace bound at path. Sockets opened by fn stay
// in that namespace, and keep it alive until they are closed; so does what fn
// reads and writes below /proc/sys/net belong to it. A goroutine that fn starts
// does not run there.
func Do(path string, fn func() error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("entering a network namespace: %w", err)
	}
	defer f.Close()
	return OnThread(func() error {
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("entering the network namespace %s: %w", path, err)
		}
		return fn()
	})
}

// OnThread calls fn on a thread that ends with it.
func OnThread(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The process's first thread cannot end, and /proc/self would speak
			// of it for ever: while this goroutine sits on it, another one gets
			// another thread.
			defer runtime.UnlockOSThread()
			done <- OnThread(fn)
			return
		}
		// Never unlocked: the thread ends with the goroutine.
		done <- fn()
	}()
	return <-done
}
