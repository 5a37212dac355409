package volumes

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Where the folders are that apart shows.
const (
	apartFrom = "/from"
	apartTo   = "/to"
)

// apart calls fn where nothing is but two folders, at apartFrom and apartTo: links
// that somebody puts into them meanwhile lead nowhere else. Room is the path of a
// folder that is made for it, and is gone afterwards. What fn does it does in its
// own goroutine.
func apart(room, from, to string, fn func() error) (err error) {
	if err := os.RemoveAll(room); err != nil { // of one that was killed
		return err
	}
	defer func() {
		if rerr := os.RemoveAll(room); err == nil {
			err = rerr
		}
	}()
	for _, at := range []string{apartFrom, apartTo} {
		if err := os.MkdirAll(filepath.Join(room, at), 0o700); err != nil {
			return err
		}
	}
	return onThread(func() error {
		if err := shutIn(room, from, to); err != nil {
			return fmt.Errorf("keeping what is copied apart: %w", err)
		}
		return fn()
	})
}

// shutIn makes room the root of the thread, which must end then. Its mounts are
// nobody else's, and go with it.
func shutIn(room, from, to string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil { // and what is the root, too
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return err
	}
	for dir, at := range map[string]string{from: apartFrom, to: apartTo} {
		if err := unix.Mount(dir, filepath.Join(room, at), "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	if err := unix.Chroot(room); err != nil {
		return err
	}
	return unix.Chdir("/")
}

// onThread calls fn on a thread that ends with it.
func onThread(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The process's first thread cannot end: while this goroutine sits on it,
			// another one gets another thread.
			defer runtime.UnlockOSThread()
			done <- onThread(fn)
			return
		}
		done <- fn() // never unlocked
	}()
	return <-done
}
