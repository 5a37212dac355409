package cgroup

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestControllersOfVersionOne(t *testing.T) {
	root := fake(t, map[string]string{
		"unified/cgroup.controllers": "io\n",
		"memory/memory.swappiness":   "60\n",
		"memory/some/memory.x":       "",
		"pids/pids.max":              "",
	})
	f, err := look([]hierarchy{
		{filepath.Join(root, "unified"), true, []string{"rw"}}, // which runtimes do not use then
		{filepath.Join(root, "memory"), false, []string{"rw", "memory", "release_agent=/x"}},
		{filepath.Join(root, "pids"), false, []string{"rw", "pids"}},
		{filepath.Join(root, "systemd"), false, []string{"rw", "name=systemd"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Controllers(), []string{"memory", "pids"}; !slices.Equal(got, want) {
		t.Errorf("controllers %q, want %q", got, want)
	}
	if got := f.Read("memory", "memory.swappiness"); got != "60" {
		t.Errorf("swappiness %q", got)
	}
	checkFiles(t, f, root, []fileCase{
		{"memory", "memory.x", "memory/some/memory.x", true},
		{"memory", "memory.y", "", true},
		{"pids", "pids.x", "", false}, // no cgroup to look at
		{"cpuset", "cpuset.cpus", "", true},
	})
}

func TestControllersOfVersionTwo(t *testing.T) {
	root := fake(t, map[string]string{
		"cgroup.controllers":     "hugetlb io\n",
		"cgroup.subtree_control": "io\n",
		"some/io.weight":         "default 100\n",
	})
	named := hierarchy{filepath.Join(root, "systemd"), false, []string{"rw", "name=systemd"}} // for old images
	f, err := look([]hierarchy{{root, true, []string{"rw"}}, named})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Controllers(), []string{"hugetlb", "io"}; !slices.Equal(got, want) {
		t.Errorf("controllers %q, want %q", got, want)
	}
	checkFiles(t, f, root, []fileCase{
		{"io", "io.weight", "some/io.weight", true},
		{"io", "io.bfq.weight", "", true},
		{"hugetlb", "hugetlb.x", "", false}, // not enabled for any
	})
}

type fileCase struct {
	controller, file, want string
	known                  bool
}

func checkFiles(t *testing.T, f Facts, root string, cases []fileCase) {
	t.Helper()
	for _, c := range cases {
		want := c.want
		if want != "" {
			want = filepath.Join(root, want)
		}
		if got, known := f.File(c.controller, c.file); got != want || known != c.known {
			t.Errorf("%s of %s: %q, %t, want %q, %t", c.file, c.controller, got, known, want, c.known)
		}
	}
}
