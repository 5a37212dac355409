package atomicfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gocompose/gocompose/internal/atomicfile"
)

func TestAReaderNeverSeesHalfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "on", "the", "way", "f")
	contents := map[string]bool{}
	var all [][]byte
	for i := range 20 {
		c := []byte(fmt.Sprintf("%01000d", i))
		contents[string(c)] = true
		all = append(all, c)
	}
	if err := atomicfile.Write(path, all[0], 0o600); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, c := range all {
		wg.Go(func() {
			if err := atomicfile.Write(path, c, 0o640); err != nil {
				t.Error(err)
			}
		})
	}
	for range 200 {
		got, err := os.ReadFile(path)
		if err != nil || !contents[string(got)] {
			t.Fatalf("read %d bytes that nobody wrote (%v)", len(got), err)
		}
	}
	wg.Wait()
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Fatalf("left behind: %v %v", left, err)
	}
	if fi, _ := os.Stat(path); fi.Mode().Perm() != 0o640 {
		t.Fatalf("mode %v", fi.Mode())
	}
}

func TestAFailedWriteLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.MkdirAll(filepath.Join(path, "a-folder-is-in-the-way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.WriteDurable(path, []byte("x"), 0o600); err == nil {
		t.Fatal("wrote a file over a folder")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Fatalf("left behind: %v", left)
	}
}

func TestWhatAKilledWriterLeftGoesWithTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f.json")
	for _, p := range []string{path, filepath.Join(dir, ".new-f.json-123"), filepath.Join(dir, "other.json")} {
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := atomicfile.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "other.json" {
		t.Fatalf("left: %v %v", left, err)
	}
}
