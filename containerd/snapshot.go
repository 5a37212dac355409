package containerd

import (
	"fmt"
	"os"
	"runtime"

	"github.com/containerd/containerd/v2/core/mount"
	"golang.org/x/sys/unix"
)

// OpenMounts returns the file system that a snapshot's mounts show, to be read.
func OpenMounts(mounts []mount.Mount) (*Rootfs, error) {
	var dir *os.File
	err := onThreadThatEnds(func() (err error) {
		dir, err = mountApart(mounts)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("mounting the snapshot: %w", err)
	}
	return &Rootfs{dir}, nil
}

// onThreadThatEnds calls do on a thread that is of no use after, and so ends
// with it.
//
// The process's first thread cannot end: what is changed about it stays, and
// /proc/self tells of it from then on. While one goroutine sits on it, another
// one gets another thread.
func onThreadThatEnds(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			done <- onThreadThatEnds(do)
			return
		}
		// Never unlocked: the thread ends with its goroutine.
		done <- do()
	}()
	return <-done
}
