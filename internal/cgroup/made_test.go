package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestOnlyWhatWasMissingIsRemoved(t *testing.T) {
	cpu, memory := t.TempDir(), t.TempDir()
	mkdir := func(dir string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mkdir(filepath.Join(cpu, "batch"))
	dirs, err := missing([]string{cpu, memory}, "/batch/night")
	want := []string{filepath.Join(cpu, "batch/night"), filepath.Join(memory, "batch"), filepath.Join(memory, "batch/night")}
	if err != nil || !slices.Equal(dirs, want) {
		t.Fatalf("missing %q, %v", dirs, err)
	}
	mkdir(filepath.Join(cpu, "batch/night"))
	mkdir(filepath.Join(memory, "batch/night/theirs"))
	slices.Reverse(dirs)
	if left, err := RemoveDirs(dirs); !left || err != nil {
		t.Fatalf("RemoveDirs = %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(memory, "batch/night")); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(memory, "batch/night/theirs")); err != nil {
		t.Fatal(err)
	}
	if left, err := RemoveDirs(dirs); left || err != nil {
		t.Fatalf("RemoveDirs = %v, %v", left, err)
	}
	if left, err := missing([]string{cpu, memory}, "/batch"); err != nil || !slices.Equal(left, want[1:2]) {
		t.Errorf("gone are %q, %v", left, err)
	}
}
