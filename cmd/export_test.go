package cmd

import (
	"errors"
	"os"
	"path/filepath"
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
