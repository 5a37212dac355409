package cgroup

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
)

func TestProcessesBelowAreOfTheGroupToo(t *testing.T) {
	root := fake(t, map[string]string{
		"memory/ours/web/cgroup.procs":          "40\n7\n",
		"memory/ours/web/inner/cgroup.procs":    "41\n7\n",
		"memory/ours/other/cgroup.procs":        "50\n",
		"memory/ours/web/memory.usage_in_bytes": "4096\n",
	})
	f, err := look([]hierarchy{{filepath.Join(root, "memory"), false, []string{"rw", "memory"}}})
	if err != nil {
		t.Fatal(err)
	}
	g := f.Group("/ours/web")
	pids, err := g.Processes()
	if err != nil || !slices.Equal(pids, []int{7, 40, 41}) {
		t.Errorf("processes %v, %v", pids, err)
	}
	if text, err := g.Read("memory", "memory.usage_in_bytes"); err != nil || text != "4096\n" || g.Unified("memory") {
		t.Errorf("read %q, %v", text, err)
	}
	if _, err := g.Read("pids", "pids.current"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a controller that is not there: %v", err)
	}
	if pids, err := f.Group("/ours/gone").Processes(); err != nil || pids != nil {
		t.Errorf("of one that has gone: %v, %v", pids, err)
	}
}
