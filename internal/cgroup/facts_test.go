package cgroup

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestControllersOfBothVersions(t *testing.T) {
	root := fake(t, map[string]string{
		"unified/cgroup.controllers":     "hugetlb io\n",
		"unified/cgroup.subtree_control": "io\n",
		"unified/some/io.weight":         "default 100\n",
		"memory/memory.swappiness":       "60\n",
		"memory/some/memory.x":           "",
		"pids/pids.max":                  "",
	})
	f, err := look([]hierarchy{
		{filepath.Join(root, "unified"), true, []string{"rw"}},
		{filepath.Join(root, "memory"), false, []string{"rw", "memory", "release_agent=/x"}},
		{filepath.Join(root, "pids"), false, []string{"rw", "pids"}},
		{filepath.Join(root, "systemd"), false, []string{"rw", "name=systemd"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Controllers(), []string{"hugetlb", "io", "memory", "pids"}; !slices.Equal(got, want) {
		t.Errorf("controllers %q, want %q", got, want)
	}
	if got := f.Read("memory", "memory.swappiness"); got != "60" {
		t.Errorf("swappiness %q", got)
	}
	for _, tt := range []struct {
		controller, file, want string
		known                  bool
	}{
		{"io", "io.weight", "unified/some/io.weight", true},
		{"io", "io.bfq.weight", "", true},
		{"hugetlb", "hugetlb.x", "", false}, // not enabled for any
		{"memory", "memory.x", "memory/some/memory.x", true},
		{"pids", "pids.x", "", false}, // no cgroup to look at
		{"cpuset", "cpuset.cpus", "", true},
	} {
		want := ""
		if tt.want != "" {
			want = filepath.Join(root, tt.want)
		}
		if got, known := f.File(tt.controller, tt.file); got != want || known != tt.known {
			t.Errorf("%s of %s: %q, %t, want %q, %t", tt.file, tt.controller, got, known, want, tt.known)
		}
	}
}
