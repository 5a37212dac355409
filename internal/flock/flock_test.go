package flock_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gocompose/gocompose/internal/flock"
)

func TestOnlyOneHoldsTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "locks", "a")
	first, err := flock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flock.Try(path); !errors.Is(err, flock.ErrLocked) {
		t.Fatal(err)
	}
	if err := first.Unlock(); err != nil {
		t.Fatal(err)
	}
	second, err := flock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Unlock()
}

func TestWhoWaitsIsServedWhenTheLockIsFree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	first, err := flock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{})
	got := make(chan error)
	go func() {
		l, err := flock.AcquireNotify(context.Background(), path, 0, func() { close(told) })
		if err == nil {
			err = l.Unlock()
		}
		got <- err
	}()
	<-told
	if err := first.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	first, err := flock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := flock.Acquire(ctx, path); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := first.Unlock(); err != nil {
		t.Fatal(err)
	}
	next, err := flock.Acquire(context.Background(), path) // the abandoned wait gives it back
	if err != nil {
		t.Fatal(err)
	}
	defer next.Unlock()
}

func TestManyShareWhatOneCannotHaveAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	first, err := flock.Share(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := flock.Share(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flock.Try(path); !errors.Is(err, flock.ErrLocked) {
		t.Fatal(err)
	}
	for _, l := range []*flock.Lock{first, second} {
		if err := l.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	alone, err := flock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := flock.Share(ctx, path); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// Who waits for a lock whose file is removed meanwhile must not end up with a
// lock that nobody else can see.
func TestALockIsOnTheFileThatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := flock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *flock.Lock)
	go func() {
		l, err := flock.Acquire(t.Context(), path)
		if err != nil {
			t.Error(err)
		}
		got <- l
	}()
	waitUntilSomebodyWaits(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := first.Unlock(); err != nil {
		t.Fatal(err)
	}
	second := <-got
	if _, err := flock.Try(path); !errors.Is(err, flock.ErrLocked) {
		t.Errorf("a third has the lock too: %v", err)
	}
	if err := second.Unlock(); err != nil {
		t.Error(err)
	}
}

// waitUntilSomebodyWaits returns when the kernel's list of locks has a waiter
// for the file (proc_locks(5): "->" before what waits).
func waitUntilSomebodyWaits(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	inode := fmt.Sprintf(":%d ", info.Sys().(*syscall.Stat_t).Ino)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		data, err := os.ReadFile("/proc/locks")
		if err != nil {
			t.Skip(err)
		}
		for line := range strings.Lines(string(data)) {
			if strings.Contains(line, "-> FLOCK") && strings.Contains(line, inode) {
				return
			}
		}
	}
	t.Fatal("nobody waits")
}
