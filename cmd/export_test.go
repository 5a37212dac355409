package cmd

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Archives are written beside files of the user's, none of which is touched.
func TestAFileIsWrittenWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "shop.tar")
	mine := map[string]string{path: "before", path + ".part": "mine", path + ".tmp": "mine"}
	for p, text := range mine {
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	same := func() {
		t.Helper()
		for p, want := range mine {
			if got, err := os.ReadFile(p); err != nil || string(got) != want {
				t.Errorf("%s has %q, want %q: %v", p, got, want, err)
			}
		}
		if all, err := os.ReadDir(dir); err != nil || len(all) != len(mine) {
			t.Errorf("there are %v: %v", all, err)
		}
	}
	full := errors.New("the disk is full")
	err := writtenWhole(path, func(f *os.File) error {
		_, err := f.WriteString("half")
		return errors.Join(err, full)
	})
	if !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	same()
	if err := writtenWhole(path, func(f *os.File) error { _, err := f.WriteString("after"); return err }); err != nil {
		t.Fatal(err)
	}
	mine[path] = "after"
	same()
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v: %v", info, err)
	}
}

// What is behind a link is written, whole or not at all, and the link stays.
func TestALinkToAFileStays(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.MkdirAll(path("disk/deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"a.tar": "folder/../b.tar", "folder": "disk/deep", "disk/b.tar": "../folder/../there.tar", "self": "self",
	} {
		if err := os.Symlink(target, path(name)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the file is not there, and is
		if err := writtenWhole(path("a.tar"), func(f *os.File) error { _, err := f.WriteString("all"); return err }); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path("disk/there.tar"))
		if err != nil || !info.Mode().IsRegular() {
			t.Errorf("%v: %v", info, err)
		}
		for _, link := range []string{"a.tar", "disk/b.tar"} {
			if info, err := os.Lstat(path(link)); err != nil || info.Mode()&os.ModeSymlink == 0 {
				t.Errorf("%s is %v: %v", link, info, err)
			}
		}
	}
	if err := writtenWhole(path("self"), func(*os.File) error { return nil }); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("%v", err)
	}
}
