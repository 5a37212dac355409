//go:build live

package containerd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/core/mount"
)

func TestOpenedMountsLeaveTheProcessWhereItIs(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		root, err := OpenMounts([]mount.Mount{{Type: "bind", Source: dir, Options: []string{"rbind"}}})
		if err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(filepath.Join(root.Path(), "a")); err != nil || string(data) != "x" {
			t.Errorf("%q, %v", data, err)
		}
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	}
	if after, err := os.Readlink("/proc/self/ns/mnt"); err != nil || after != before {
		t.Errorf("the process went from %s to %s, %v", before, after, err)
	}
}
