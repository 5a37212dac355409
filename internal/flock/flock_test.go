package flock_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

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
