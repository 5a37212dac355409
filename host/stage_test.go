package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/project"
)

// Who writes to the volume may put a link in the place of a folder at any time.
func TestALinkThatIsPutThereJustNowLeadsNowhereElse(t *testing.T) {
	outside, volume := t.TempDir(), t.TempDir()
	sub, link := filepath.Join(volume, "sub"), filepath.Join(volume, "link")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(sub, "x"), 0o755), os.MkdirAll(filepath.Join(outside, "x"), 0o755), os.Symlink(outside, link),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err := unix.Renameat2(unix.AT_FDCWD, sub, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE); err != nil {
				stopped <- err
				return
			}
		}
	}()
	defer func() {
		close(stop)
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	}()
	for range 2000 {
		f, err := openBelow(volume, project.Mount{Type: project.MountVolume, Source: "data", Subpath: "sub/x"})
		if err != nil {
			continue // the link leads to nothing in the volume
		}
		path, err := os.Readlink(fmt.Sprint("/proc/self/fd/", f.Fd()))
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		if rel, err := filepath.Rel(volume, path); err != nil || !filepath.IsLocal(rel) {
			t.Fatalf("it leads to %s", path)
		}
	}
}

func TestALinkInAVolumeLeadsNowhereElse(t *testing.T) {
	outside, volume := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, path string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(volume, path)); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(outside, "key"), "secret")
	write(filepath.Join(volume, "sub/key"), "ours")
	write(filepath.Join(volume, outside, "key"), "ours") // what an absolute link means in the volume
	link(outside, "out")
	link("../../../../../../../../.."+outside, "up")
	link("sub", "in")
	for subpath, want := range map[string]string{
		"sub/key": "ours", "in/key": "ours", "out/key": "ours", "up/key": "ours", "in/../in": "", "none": "", "out/none": "",
	} {
		f, err := openBelow(volume, project.Mount{Type: project.MountVolume, Source: "data", Subpath: subpath})
		switch {
		case filepath.Base(subpath) == "none" && !errors.Is(err, fs.ErrNotExist) && err == nil:
			t.Errorf("%s: there is none", subpath)
		case filepath.Base(subpath) == "none":
			continue
		case err != nil:
			t.Errorf("%s: %v", subpath, err)
			continue
		}
		path, err := os.Readlink(fmt.Sprint("/proc/self/fd/", f.Fd()))
		if rel, rerr := filepath.Rel(volume, path); err != nil || rerr != nil || !filepath.IsLocal(rel) {
			t.Errorf("%s leads to %s: %v", subpath, path, errors.Join(err, rerr))
		}
		if got, _ := os.ReadFile(path); string(got) != want {
			t.Errorf("%s: %q, want %q", subpath, got, want)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
