package secrets_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/secrets"
)

// layout returns one with its state below a folder; nothing may be mounted there
// after the test.
func layout(t *testing.T, below string) paths.Paths {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("owners and mounts need root")
	}
	dir, err := os.MkdirTemp(below, "gct-")
	if err != nil {
		t.Fatal(err)
	}
	p := paths.Paths{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")}
	t.Cleanup(func() {
		if mounted(t, p.Secrets()) {
			t.Error("its tmpfs is still mounted")
			_ = syscall.Unmount(p.Secrets(), syscall.MNT_DETACH)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return p
}

func mounted(t *testing.T, dir string) bool {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(data), " "+dir+" ")
}

// onTmpfs asks the kernel what a file is on.
func onTmpfs(t *testing.T, path string) bool {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Type == 0x01021994 // tmpfs(5)
}

var files = []project.File{
	{Kind: project.KindSecret, Name: "password", Target: "/run/secrets/password", Mode: 0o444},
	{Kind: project.KindConfig, Name: "site", Target: "/site", UID: 1000, GID: 2000, Mode: 0o400},
}

func contentOf(f project.File) ([]byte, error) { return []byte("in " + f.Name), nil }

func TestFilesAreInMemoryWithOwnersAndModes(t *testing.T) {
	for _, below := range []string{"/dev/shm", "/var/tmp"} {
		p := layout(t, below)
		s := secrets.Open(p)
		if err := s.Place(t.Context(), "one", files, contentOf); err != nil {
			t.Fatal(err)
		}
		for i, f := range files {
			path := s.Path("one", i)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			st := info.Sys().(*syscall.Stat_t)
			data, err := os.ReadFile(path)
			if err != nil || string(data) != "in "+f.Name || int(st.Uid) != f.UID || int(st.Gid) != f.GID || int(st.Mode)&0o7777 != f.Mode {
				t.Errorf("%s: %q %d:%d %o, %v", path, data, st.Uid, st.Gid, st.Mode, err)
			}
			if !onTmpfs(t, path) {
				t.Errorf("%s is not in memory", path)
			}
		}
		for _, dir := range []string{p.Secrets(), filepath.Dir(s.Path("one", 0))} {
			if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%s: %v, %v", dir, info, err)
			}
		}
		if err := s.Remove(t.Context(), "one"); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatIsThereIsNotReadAgain(t *testing.T) {
	s := secrets.Open(layout(t, "/dev/shm"))
	if err := s.Place(t.Context(), "one", files, contentOf); err != nil {
		t.Fatal(err)
	}
	// Killed before it was whole, one is made again; the other stays.
	path := s.Path("one", 1)
	if err := errors.Join(os.Remove(path), os.WriteFile(path+".new", []byte("half of something longer"), 0o600)); err != nil {
		t.Fatal(err)
	}
	again := func(f project.File) ([]byte, error) {
		if f.Name != "site" {
			t.Errorf("%v is read again", f)
		}
		return []byte("new"), nil
	}
	if err := s.Place(t.Context(), "one", files, again); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "new" {
		t.Errorf("got %q, %v", data, err)
	}
	gone := errors.New("gone")
	err := s.Place(t.Context(), "two", files, func(project.File) ([]byte, error) { return nil, gone })
	if !errors.Is(err, gone) || err.Error() != "secret password: gone" {
		t.Errorf("got %v", err)
	}
	if names, err := s.Names(); err != nil || !slices.Equal(names, []string{"one", "two"}) {
		t.Errorf("got %v, %v", names, err)
	}
}

func TestWhatIsThereIsWhole(t *testing.T) {
	p := layout(t, "/dev/shm")
	if err := errors.Join(os.MkdirAll(p.Secrets(), 0o700), syscall.Mount("tmpfs", p.Secrets(), "tmpfs", 0, "size=64k")); err != nil {
		t.Fatal(err)
	}
	s := secrets.Open(p)
	large := func(project.File) ([]byte, error) { return make([]byte, 1<<20), nil }
	if err := s.Place(t.Context(), "one", files, large); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("of more than there is room for: %v", err)
	}
	if err := s.Place(t.Context(), "one", files, contentOf); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(s.Path("one", 0)); err != nil || string(data) != "in password" {
		t.Errorf("got %d bytes, %v", len(data), err)
	}
	if err := s.Remove(t.Context(), "one"); err != nil {
		t.Error(err)
	}
}

// A tmpfs of the store's own goes with the last files in it, and comes and goes
// however many come and go at the same time.
func TestItsOwnTmpfsGoesWithTheLast(t *testing.T) {
	p := layout(t, "/var/tmp")
	s := secrets.Open(p)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for range 20 {
				id := fmt.Sprint("c", n)
				if err := s.Place(t.Context(), id, files, contentOf); err != nil {
					t.Error(err)
				}
				if !onTmpfs(t, s.Path(id, 0)) {
					t.Error("not in memory")
				}
				if err := s.Remove(t.Context(), id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if mounted(t, p.Secrets()) {
		t.Error("it is still mounted")
	}
	if left, err := s.Names(); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if err := errors.Join(s.Tidy(t.Context()), s.Remove(t.Context(), "none"), secrets.Open(layout(t, "/dev/shm")).Tidy(t.Context())); err != nil {
		t.Errorf("with nothing to do: %v", err)
	}
}

// Who is killed between one step and the next leaves an empty one, or one with
// something in it.
func TestATmpfsThatIsLeftGoesOnceItIsEmpty(t *testing.T) {
	p := layout(t, "/var/tmp")
	s := secrets.Open(p)
	if err := s.Place(t.Context(), "one", files, contentOf); err != nil {
		t.Fatal(err)
	}
	if err := s.Tidy(t.Context()); err != nil || !mounted(t, p.Secrets()) {
		t.Fatalf("it goes with what is in it, %v", err)
	}
	if err := os.RemoveAll(filepath.Dir(s.Path("one", 0))); err != nil {
		t.Fatal(err)
	}
	if err := s.Tidy(t.Context()); err != nil || mounted(t, p.Secrets()) {
		t.Errorf("it stays without anything in it, %v", err)
	}
}

func TestTheKeyIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root", "key")
	passing, err := secrets.ReadKey(path)
	if err != nil || len(passing) != 32 {
		t.Fatalf("%d, %v", len(passing), err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading has made something: %v", err)
	}
	keys := make([][]byte, 16)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			var err error
			if keys[i], err = secrets.MakeKey(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, k := range keys {
		if !bytes.Equal(k, keys[0]) || bytes.Equal(k, passing) {
			t.Error("there are several")
		}
	}
	if read, err := secrets.ReadKey(path); err != nil || !bytes.Equal(read, keys[0]) {
		t.Errorf("it is read as another: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left: %v, %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.WriteFile(path, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secrets.MakeKey(path); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("of a damaged one: %v", err)
	}
}
