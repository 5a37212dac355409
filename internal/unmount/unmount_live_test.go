//go:build live

package unmount_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/unmount"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func tmpfs(t *testing.T, path, file string) {
	t.Helper()
	must(t, os.MkdirAll(path, 0o700))
	must(t, unix.Mount("tmpfs", path, "tmpfs", 0, ""))
	t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
	must(t, os.WriteFile(filepath.Join(path, file), nil, 0o600))
}

func TestAllThatIsMountedIsTakenAway(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	tmpfs(t, dir, "first")
	tmpfs(t, dir, "second")
	for range 2 { // the second time there is nothing
		must(t, unmount.All(dir))
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%v, %v", left, err)
		}
	}
	must(t, unmount.All(filepath.Join(dir, "none")))
}

func TestWhatLiesBelowASharedMountStaysWhereItComesFrom(t *testing.T) {
	dir := t.TempDir()
	whole, below, at := filepath.Join(dir, "whole"), filepath.Join(dir, "whole", "below"), filepath.Join(dir, "at")
	tmpfs(t, whole, "file")
	must(t, unix.Mount("", whole, "", unix.MS_SHARED, ""))
	tmpfs(t, below, "precious")
	must(t, os.Mkdir(at, 0o700))
	must(t, unix.Mount(whole, at, "", unix.MS_BIND|unix.MS_REC, ""))
	must(t, unmount.All(at))
	if _, err := os.Stat(filepath.Join(at, "file")); err == nil {
		t.Error("it is still mounted")
	}
	if _, err := os.Stat(filepath.Join(below, "precious")); err != nil {
		t.Errorf("it is gone where it comes from: %v", err)
	}
}

func TestAllThatIsMountedBelowIsTakenAway(t *testing.T) {
	top := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(top, link))
	dir := filepath.Join(top, "dir")
	tmpfs(t, filepath.Join(dir, "one"), "first")
	tmpfs(t, filepath.Join(dir, "one"), "second")
	tmpfs(t, filepath.Join(dir, "one", "within"), "file")
	tmpfs(t, filepath.Join(top, "directory"), "stays")
	for range 2 { // the second time there is nothing
		must(t, unmount.Below(filepath.Join(link, "dir")))
		if left, err := os.ReadDir(filepath.Join(dir, "one")); err != nil || len(left) > 0 {
			t.Errorf("%v, %v", left, err)
		}
	}
	if _, err := os.Stat(filepath.Join(top, "directory", "stays")); err != nil {
		t.Error("what is beside has gone: ", err)
	}
	must(t, unmount.Below(filepath.Join(dir, "none")))
}
