//go:build live

package volumes_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/volumes"
)

// What is mounted here nobody else sees.
func TestMain(m *testing.M) {
	if livetest.Inside() {
		os.Exit(m.Run())
	}
	os.Exit(livetest.Namespace{}.Run())
}

type bed struct {
	*testing.T
	*volumes.Store
	dir, used string
}

func newBed(t *testing.T) *bed {
	b := &bed{T: t, dir: filepath.Join(t.TempDir(), "with space"), used: filepath.Join(t.TempDir(), "used")}
	b.Store = volumes.Open(b.dir, b.used)
	t.Cleanup(func() {
		for _, m := range b.mounts() {
			t.Errorf("left: %s", m)
			_ = unix.Unmount(m, unix.MNT_DETACH)
		}
		if left, _ := os.ReadDir(b.used); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
	return b
}

// mounts returns what is mounted in the store, each mount once.
func (b *bed) mounts() []string {
	out, err := exec.Command("findmnt", "-rno", "TARGET").Output()
	if err != nil {
		b.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		if at := strings.ReplaceAll(strings.TrimSpace(line), `\x20`, " "); strings.HasPrefix(at, b.dir+"/") {
			found = append(found, at)
		}
	}
	return found
}

func (b *bed) volume(name, kind, device, o string) (data string) {
	b.Helper()
	v := project.Volume{Name: name, Options: map[string]string{"type": kind, "device": device, "o": o}}
	b.must(b.Create(b.Context(), v))
	data, err := b.Data(name)
	b.must(err)
	return data
}

func (b *bed) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bed) mounted(want int) {
	b.Helper()
	if m := b.mounts(); len(m) != want {
		b.Fatalf("mounted: %v, want %d", m, want)
	}
}

// device is a folder with a file that must survive everything.
func device(t *testing.T) string {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "deep", "precious"), "x")
	t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(dir, "deep", "precious")); err != nil {
			t.Errorf("the device's content is gone: %v", err)
		}
	})
	return dir
}

func TestAVolumeIsMountedWhileSomebodyUsesIt(t *testing.T) {
	b := newBed(t)
	data := b.volume("v", "none", device(t), "bind")
	b.mounted(0)
	for range 2 {
		b.must(b.Use(t.Context(), "v", "one"))
		b.must(b.Use(t.Context(), "v", "two"))
		b.mounted(1)
		if _, err := os.Stat(filepath.Join(data, "deep", "precious")); err != nil {
			t.Fatal(err)
		}
		if users, err := b.Users(); err != nil || strings.Join(users, " ") != "one two" {
			t.Fatal(users, err)
		}
		b.must(b.Release("one"))
		b.must(b.Release("one"))
		b.mounted(1)
		if err := b.Remove(t.Context(), "v"); !errors.Is(err, volumes.ErrInUse) {
			t.Fatal(err)
		}
		b.must(b.Release("two"))
		b.mounted(0)
	}
	b.must(b.Remove(t.Context(), "v"))
}

// Whatever was killed, nobody is noted and something is mounted.
func TestRemovingStopsAtWhatIsMounted(t *testing.T) {
	b := newBed(t)
	data := b.volume("v", "none", device(t), "bind")
	b.must(b.Use(t.Context(), "v", "one"))
	b.must(os.RemoveAll(b.used))
	b.must(b.Remove(t.Context(), "v"))
	b.mounted(0)
	if _, err := os.Lstat(filepath.Dir(data)); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	// a removal that was cut short
	data = b.volume("w", "none", device(t), "bind")
	b.must(b.Use(t.Context(), "w", "one"))
	b.must(os.RemoveAll(b.used))
	b.must(os.Rename(filepath.Dir(data), filepath.Join(b.dir, ".gone-1-w")))
	b.must(b.Sweep())
	b.mounted(0)
	if left, _ := os.ReadDir(b.dir); len(left) > 0 {
		t.Fatal(left)
	}
}

// What the user has mounted in a volume is his.
func TestAForeignMountIsNeverEmptied(t *testing.T) {
	b := newBed(t)
	create(t, b.Store, project.Volume{Name: "v"})
	data, _ := b.Data("v")
	inside := filepath.Join(data, "disk")
	b.must(os.Mkdir(inside, 0o755))
	b.must(unix.Mount(device(t), inside, "", unix.MS_BIND, ""))
	if err := b.Remove(t.Context(), "v"); err == nil || !strings.Contains(err.Error(), "something is mounted on "+inside) {
		t.Fatal(err)
	}
	b.must(unix.Unmount(inside, 0))
	b.must(b.Remove(t.Context(), "v"))
}

// Of a bind of a tree all of whose mounts are shared with the host, the host's
// mounts stay when it goes.
func TestUnmountingReachesNothingBehindIt(t *testing.T) {
	b := newBed(t)
	tree := t.TempDir()
	b.must(unix.Mount("tree", tree, "tmpfs", 0, ""))
	defer unix.Unmount(tree, unix.MNT_DETACH)
	below := filepath.Join(tree, "below")
	b.must(os.Mkdir(below, 0o755))
	b.must(unix.Mount("below", below, "tmpfs", 0, ""))
	b.must(unix.Mount("", tree, "", unix.MS_SHARED|unix.MS_REC, ""))
	put(t, filepath.Join(below, "f"), "x")
	data := b.volume("v", "none", tree, "rbind,ro")
	b.must(b.Use(t.Context(), "v", "one"))
	if _, err := os.Stat(filepath.Join(data, "below", "f")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "new"), nil, 0o600); !errors.Is(err, unix.EROFS) {
		t.Fatal(err)
	}
	b.must(b.Release("one"))
	b.mounted(0)
	if _, err := os.Stat(filepath.Join(below, "f")); err != nil {
		t.Fatal(err)
	}
	b.must(b.Remove(t.Context(), "v"))
}

func TestWhatIsMountedHalfIsMountedAnew(t *testing.T) {
	b := newBed(t)
	dir := device(t)
	data := b.volume("v", "none", dir, "bind,ro")
	b.must(unix.Mount(dir, data, "", unix.MS_BIND, "")) // killed before it was read-only
	b.must(b.Use(t.Context(), "v", "one"))
	b.mounted(1)
	if err := os.WriteFile(filepath.Join(data, "new"), nil, 0o600); !errors.Is(err, unix.EROFS) {
		t.Fatal(err)
	}
	b.must(unix.Unmount(data, 0)) // a reboot, of which the notes know nothing
	b.must(b.Use(t.Context(), "v", "two"))
	b.mounted(1)
	b.must(b.Release("one"))
	b.must(b.Release("two"))
	b.must(b.Remove(t.Context(), "v"))
}

func TestWhatCannotBeMountedIsNotInUse(t *testing.T) {
	b := newBed(t)
	missing := filepath.Join(t.TempDir(), "missing")
	b.volume("v", "none", missing, "bind")
	err := b.Use(t.Context(), "v", "one")
	if err == nil || !strings.Contains(err.Error(), "volume/v: mounting "+missing+": no such file or directory: make that folder") {
		t.Fatal(err)
	}
	b.volume("w", "nofs", "x", "")
	if err := b.Use(t.Context(), "w", "one"); err == nil || !strings.Contains(err.Error(), "the kernel has no such file system") {
		t.Fatal(err)
	}
	if users, err := b.Users(); err != nil || len(users) > 0 {
		t.Fatal(users, err)
	}
	b.must(b.Remove(t.Context(), "v"))
	b.must(b.Remove(t.Context(), "w"))
}

// What is copied in lands on the device, as the image has it, and only once.
func TestAMountedVolumeIsFilled(t *testing.T) {
	b := newBed(t)
	root := t.TempDir()
	put(t, filepath.Join(root, "data", "a", "f"), "from the image")
	b.must(os.Chown(filepath.Join(root, "data"), 7, 8))
	for name, killed := range map[string]bool{"v": false, "w": true} {
		dir := t.TempDir()
		data := b.volume(name, "none", dir, "bind")
		b.must(b.Use(t.Context(), name, "one"))
		if killed {
			put(t, filepath.Join(dir, ".gocompose-filling", "half"), "x")
			put(t, filepath.Join(filepath.Dir(data), "_data.filled", "a", "f"), "from the image")
			b.must(os.Chown(filepath.Join(filepath.Dir(data), "_data.filled"), 7, 8))
		}
		b.must(b.Fill(t.Context(), name, root, "/data"))
		fi, err := os.Stat(dir)
		b.must(err)
		if owner := fi.Sys().(*syscall.Stat_t); owner.Uid != 7 || owner.Gid != 8 {
			t.Errorf("it belongs to %d:%d", owner.Uid, owner.Gid)
		}
		b.must(os.Remove(filepath.Join(dir, "a", "f")))
		b.must(b.Fill(t.Context(), name, root, "/data"))
		b.must(b.Release("one"))
		for path, want := range map[string]bool{"a": true, "a/f": false, ".gocompose-filling": false} {
			if _, err := os.Lstat(filepath.Join(dir, path)); (err == nil) != want {
				t.Errorf("%s: %v", path, err)
			}
		}
		b.must(b.Remove(t.Context(), name))
	}
}

// A container that has the volume puts links in the way of what is copied there.
func TestWhatIsCopiedIntoAMountedVolumeIsLedNowhereElse(t *testing.T) {
	b := newBed(t)
	data := b.volume("v", "tmpfs", "tmpfs", "")
	b.must(b.Use(t.Context(), "v", "one"))
	outside := t.TempDir()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = os.Symlink(outside, filepath.Join(data, ".gocompose-filling"))
			}
		}
	}()
	for range 300 {
		put(t, filepath.Join(filepath.Dir(data), "_data.filled", "f"), "from the image")
		_ = b.Fill(t.Context(), "v", t.TempDir(), "/data") // it may fail
		_ = os.Remove(filepath.Join(data, "f"))
	}
	close(stop)
	<-stopped
	if led, err := os.ReadDir(outside); err != nil || len(led) > 0 {
		t.Errorf("it was copied to another place: %v (%v)", led, err)
	}
	b.must(b.Release("one"))
	b.must(b.Remove(t.Context(), "v"))
}

func TestAFileSystemOnADeviceIsAVolume(t *testing.T) {
	b := newBed(t)
	disk := filepath.Join(t.TempDir(), "disk")
	run := func(name string, args ...string) string {
		t.Helper()
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("truncate", "-s", "16M", disk)
	run("mkfs.ext4", "-q", disk)
	loop := run("losetup", "-f", "--show", disk)
	defer run("losetup", "-d", loop)
	data := b.volume("v", "ext4", loop, "noatime,nodev,errors=remount-ro")
	for _, want := range []error{os.ErrNotExist, nil} {
		b.must(b.Use(t.Context(), "v", "one"))
		if _, err := os.Stat(filepath.Join(data, "kept")); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		if options := run("findmnt", "-rno", "FSTYPE,OPTIONS", data); !strings.Contains(options, "ext4") || !strings.Contains(options, "nodev,noatime") {
			t.Error(options)
		}
		put(t, filepath.Join(data, "kept"), "x")
		b.must(b.Release("one"))
		b.mounted(0)
	}
	b.must(b.Remove(t.Context(), "v"))
}
