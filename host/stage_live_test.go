//go:build live

package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// leftStaged puts in place what a start leaves that was killed: a folder with
// data, mounted twice, and a mount point where nothing is mounted yet.
func leftStaged(t *testing.T, h *Host, id string) (data string) {
	t.Helper()
	data = t.TempDir()
	at := h.staged(id, "/data")
	for _, err := range []error{
		os.WriteFile(filepath.Join(data, "precious"), nil, 0o644),
		os.MkdirAll(at, 0o700),
		os.Mkdir(h.staged(id, "/other"), 0o700),
		unix.Mount(data, at, "", unix.MS_BIND, ""),
		unix.Mount(data, at, "", unix.MS_BIND, ""),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = h.unstage(id) })
	return data
}

func TestWhatAKilledStartLeftMountedIsSweptAndItsDataStays(t *testing.T) {
	h := open(t)
	const id = "shop-web-1.n1"
	data := leftStaged(t, h, id)
	lock, err := h.lockContainer(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(h.staged(id, "/data"), "precious")); err != nil {
		t.Errorf("it was taken from a start that goes on: %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(h.cfg.Paths.Mounts(), id)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is left: %v", err)
	}
	if _, err := os.Stat(filepath.Join(data, "precious")); err != nil {
		t.Errorf("what was mounted is gone: %v", err)
	}
	if _, err := os.Stat(h.containerLock(id)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock is left: %v", err)
	}
}

func TestWhatAKilledStartLeftMountedGoesWithItsContainer(t *testing.T) {
	h := open(t)
	const id = "shop-web-1.n1"
	data := leftStaged(t, h, id)
	if err := h.RemoveContainer(context.WithoutCancel(t.Context()), id); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(h.cfg.Paths.Mounts(), id)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is left: %v", err)
	}
	if _, err := os.Stat(filepath.Join(data, "precious")); err != nil {
		t.Errorf("what was mounted is gone: %v", err)
	}
}
