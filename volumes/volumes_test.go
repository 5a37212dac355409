package volumes_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/volumes"
)

var data = project.Volume{Name: "shop_data", Key: "data", Project: "shop", Driver: "local", Labels: map[string]string{"a": "b"}}

func open(t *testing.T, dir string) *volumes.Store {
	return volumes.Open(dir, filepath.Join(t.TempDir(), "used"))
}

func TestCreatingTwiceKeepsTheData(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "volumes"))
	create(t, s, data)
	dir, _ := s.Data(data.Name)
	put(t, filepath.Join(dir, "precious"), "x")
	create(t, s, data)
	if _, err := os.Stat(filepath.Join(dir, "precious")); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(data.Name)
	if err != nil || got.Labels["a"] != "b" || got.Project != "shop" || got.CreatedAt.IsZero() {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestOnlyRootReachesVolumes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "root", "volumes")
	if err := open(t, dir).Create(t.Context(), project.Volume{Name: "data"}); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		fi, err := os.Stat(d)
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v: others can go through it", d, fi.Mode())
		}
	}
}

func TestManyMayCreateOneVolumeAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { create(t, open(t, dir), data) })
	}
	wg.Wait()
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 {
		t.Fatalf("left: %v", entries)
	}
}

func TestRemovingTakesEverythingAndMayBeRepeated(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	create(t, s, data)
	for range 2 {
		if err := s.Remove(context.Background(), data.Name); err != nil {
			t.Fatal(err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Fatalf("left: %v", entries)
	}
	if _, err := s.Get(data.Name); !errors.Is(err, volumes.ErrNotFound) {
		t.Fatal(err)
	}
}

func TestAnInterruptedRemovalIsFinishedByTheNext(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, ".gone-1-old", "_data", "f"), "x")
	put(t, filepath.Join(dir, ".making-1", "_data", "f"), "x")
	s := open(t, dir)
	if vs, err := s.List(); err != nil || len(vs) != 0 {
		t.Fatal(vs, err)
	}
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Fatalf("left: %v", entries)
	}
}

func TestNamesCannotLeaveTheFolder(t *testing.T) {
	s := open(t, t.TempDir())
	for _, name := range []string{"", "..", "../x", "a/b", ".hidden", "a\x00b"} {
		if err := s.Create(context.Background(), project.Volume{Name: name}); err == nil {
			t.Errorf("made volume %q", name)
		}
		if err := s.Remove(context.Background(), name); err == nil {
			t.Errorf("removed volume %q", name)
		}
	}
}

func TestAnEmptyVolumeIsFilledOnceFromTheImage(t *testing.T) {
	s := open(t, t.TempDir())
	create(t, s, data)
	rootfs := t.TempDir()
	put(t, filepath.Join(rootfs, "var", "www", "index.html"), "image")
	if err := os.Chmod(filepath.Join(rootfs, "var", "www"), 0o700); err != nil {
		t.Fatal(err)
	}
	dir, _ := s.Data(data.Name)
	fill(t, s, rootfs, "/var/www")
	if b, err := os.ReadFile(filepath.Join(dir, "index.html")); err != nil || string(b) != "image" {
		t.Fatalf("%q %v", b, err)
	}
	if fi, _ := os.Stat(dir); fi.Mode().Perm() != 0o700 {
		t.Fatalf("mode of the folder: %v", fi.Mode())
	}
	put(t, filepath.Join(dir, "index.html"), "changed")
	fill(t, s, rootfs, "/var/www")
	if b, _ := os.ReadFile(filepath.Join(dir, "index.html")); string(b) != "changed" {
		t.Fatalf("a volume in use was filled again: %q", b)
	}
}

func TestAnImageWithoutTheFolderLeavesTheVolumeEmpty(t *testing.T) {
	s := open(t, t.TempDir())
	create(t, s, data)
	rootfs := t.TempDir()
	put(t, filepath.Join(rootfs, "file"), "x")
	for _, path := range []string{"/none", "/file"} {
		fill(t, s, rootfs, path)
		if is, err := s.Empty(data.Name); err != nil || !is {
			t.Fatal(path, is, err)
		}
	}
}

func TestALinkInTheImageCannotReachTheHost(t *testing.T) {
	s := open(t, t.TempDir())
	create(t, s, data)
	secret := t.TempDir()
	put(t, filepath.Join(secret, "key"), "x")
	rootfs := t.TempDir()
	if err := os.Symlink(secret, filepath.Join(rootfs, "data")); err != nil {
		t.Fatal(err)
	}
	fill(t, s, rootfs, "/data")
	if is, err := s.Empty(data.Name); err != nil || !is {
		t.Fatal("the host's files are in the volume", err)
	}
}

func TestAHalfCopyIsNotTakenForContent(t *testing.T) {
	s := open(t, t.TempDir())
	create(t, s, data)
	rootfs := t.TempDir()
	put(t, filepath.Join(rootfs, "d", "a"), "x")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Fill(ctx, data.Name, rootfs, "/d"); err == nil {
		t.Fatal("a cancelled copy counts as done")
	}
	if is, err := s.Empty(data.Name); err != nil || !is {
		t.Fatal(is, err)
	}
	fill(t, s, rootfs, "/d")
	if is, _ := s.Empty(data.Name); is {
		t.Fatal("not filled after a cancelled copy")
	}
}

func create(t *testing.T, s *volumes.Store, v project.Volume) {
	t.Helper()
	if err := s.Create(context.Background(), v); err != nil {
		t.Error(err)
	}
}

func fill(t *testing.T, s *volumes.Store, rootfs, path string) {
	t.Helper()
	if err := s.Fill(context.Background(), data.Name, rootfs, path); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A container that runs keeps the folder that it has mounted: content has to
// come into that one.
func TestFillingReachesWhoHasTheVolumeMounted(t *testing.T) {
	s := open(t, t.TempDir())
	create(t, s, data)
	dir, _ := s.Data(data.Name)
	mounted, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer mounted.Close()
	rootfs := t.TempDir()
	put(t, filepath.Join(rootfs, "d", "a"), "x")
	fill(t, s, rootfs, "/d")
	if names, err := mounted.Readdirnames(-1); err != nil || len(names) != 1 {
		t.Fatalf("who has it mounted sees %v %v", names, err)
	}
}

func TestAnInterruptedFillingIsFinishedByTheNext(t *testing.T) {
	s := open(t, t.TempDir())
	create(t, s, data)
	dir, _ := s.Data(data.Name)
	put(t, filepath.Join(dir, "a"), "moved")
	put(t, filepath.Join(dir+".filled", "b"), "image")
	put(t, filepath.Join(dir+".filled", "a"), "image")
	if is, err := s.Empty(data.Name); err != nil || !is {
		t.Fatal("a volume with half of its content counts as filled", err)
	}
	fill(t, s, t.TempDir(), "/d")
	for name, want := range map[string]string{"a": "moved", "b": "image"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if is, err := s.Empty(data.Name); err != nil || is {
		t.Fatal("it is not finished", err)
	}
	if left, _ := filepath.Glob(dir + ".*"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Of what makes a container with a volume nothing else tells yet: the volume is
// not taken away under it.
func TestAClaimedVolumeIsNotRemoved(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "volumes"))
	ctx := t.Context()
	if err := s.Create(ctx, project.Volume{Name: "v"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Claim(ctx, "v", "shop-web-1.n0+"); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(ctx, "v"); !errors.Is(err, volumes.ErrInUse) {
		t.Errorf("removing what is claimed: %v", err)
	}
	if users, err := s.Users(); err != nil || len(users) != 1 {
		t.Errorf("it is used by %v (%v)", users, err)
	}
	if err := s.Release("shop-web-1.n0+"); err != nil {
		t.Fatal(err)
	}
	used := errors.New("used")
	if err := s.RemoveIf(ctx, "v", func() error { return used }); !errors.Is(err, used) {
		t.Errorf("removing what a container has: %v", err)
	}
	if _, err := s.Get("v"); err != nil {
		t.Errorf("it is gone: %v", err)
	}
	if err := s.Remove(ctx, "v"); err != nil {
		t.Error(err)
	}
	if err := s.Claim(ctx, "v", "shop-web-1.n1+"); !errors.Is(err, volumes.ErrNotFound) {
		t.Errorf("claiming what is gone: %v", err)
	}
}

// Removals at the same time take away what each other leaves.
func TestVolumesAreRemovedAtOnce(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "volumes"))
	var group errgroup.Group
	for range 8 {
		name := rand.Text()
		for _, v := range []string{"a", "b", "c", "d"} {
			create(t, s, project.Volume{Name: name + v})
			group.Go(func() error { return s.Remove(t.Context(), name+v) })
		}
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}
