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

	"github.com/gocompose/gocompose/project"
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

// Who removes the state folder when all is stopped must not find data mounted there.
func TestWhatAKilledStartLeftMountedGoesWithTheEngine(t *testing.T) {
	h := open(t)
	const id = "shop-web-1.n1"
	leftStaged(t, h, id)
	if err := checkNothingRuns(t.Context(), h.cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(h.cfg.Paths.Mounts(), id)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is left: %v", err)
	}
}

// What lies below a bind of a shared mount is unmounted on the host too, where the
// bind is taken away with all below it.
func TestWhatIsMountedInAVolumeStaysWhenAStartIsOver(t *testing.T) {
	h := open(t)
	const id = "shop-web-1.n1"
	volume := t.TempDir()
	disk := filepath.Join(volume, "sub", "disk")
	for _, err := range []error{
		unix.Mount("tmpfs", volume, "tmpfs", 0, ""),
		unix.Mount("", volume, "", unix.MS_SHARED, ""),
		os.MkdirAll(disk, 0o755),
		unix.Mount("tmpfs", disk, "tmpfs", 0, ""),
		os.WriteFile(filepath.Join(disk, "precious"), nil, 0o644),
		os.MkdirAll(filepath.Dir(h.staged(id, "/data")), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = errors.Join(unix.Unmount(disk, unix.MNT_DETACH), unix.Unmount(volume, unix.MNT_DETACH)) })
	f, err := openBelow(volume, project.Mount{Type: project.MountVolume, Source: "data", Subpath: "sub"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(bindFile(f, h.staged(id, "/data")), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(h.staged(id, "/data"), "disk", "precious")); err != nil {
		t.Errorf("it is not mounted for the start: %v", err)
	}
	if err := h.unstage(id); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(disk, "precious")); err != nil {
		t.Errorf("it is not mounted in the volume any more: %v", err)
	}
}
