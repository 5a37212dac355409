package cgroup

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestHierarchiesAreFoundOnce(t *testing.T) {
	const mountinfo = `24 29 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw
30 24 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
31 24 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 master:1 - cgroup cgroup rw,cpu,cpuacct
32 24 0:27 / /mnt/cpu\040again rw - cgroup cgroup rw,cpu,cpuacct
33 24 0:28 / /mnt/a\040b rw - cgroup cgroup rw,memory
34 24 0:29 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
`
	got, err := parse(strings.NewReader(mountinfo))
	if err != nil {
		t.Fatal(err)
	}
	want := []hierarchy{
		{"/sys/fs/cgroup/unified", true, []string{"rw", "nsdelegate"}},
		{"/sys/fs/cgroup/cpu,cpuacct", false, []string{"rw", "cpu", "cpuacct"}},
		{"/mnt/a b", false, []string{"rw", "memory"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The files of a hierarchy, in plain folders.
func fake(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestProcessEntersTheCgroup(t *testing.T) {
	root := fake(t, map[string]string{"ours/engine/cgroup.procs": ""})
	if err := enter(root, "/ours/engine", 4711); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "ours/engine/cgroup.procs"))
	if err != nil || string(got) != "4711" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCpusetOfVersionOneIsInherited(t *testing.T) {
	root := fake(t, map[string]string{
		"cpuset.cpus": "0-3\n", "cpuset.mems": "0\n",
		"ours/cpuset.cpus": "1\n", "ours/cpuset.mems": "\n",
	})
	if err := inheritCpuset(root, filepath.Join(root, "ours")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"cpuset.cpus": "1\n", "cpuset.mems": "0\n"} {
		if got, err := os.ReadFile(filepath.Join(root, "ours", name)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestCpusetOfVersionTwoIsLeftEmpty(t *testing.T) {
	root := fake(t, map[string]string{"ours/cpuset.cpus": "\n", "ours/cpuset.mems": "\n"})
	if err := inheritCpuset(root, filepath.Join(root, "ours")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(root, "ours/cpuset.cpus")); err != nil || string(got) != "\n" {
		t.Errorf("cpuset.cpus is %q, %v", got, err)
	}
}

func TestRemoveSparesCgroupsWithProcesses(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"ours/idle/inner", "ours/busy/inner", "ours/busy/empty"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	procs := filepath.Join(root, "ours/busy/inner/cgroup.procs")
	if err := os.WriteFile(procs, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := remove(filepath.Join(root, "ours")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "ours/idle")); !os.IsNotExist(err) {
		t.Errorf("ours/idle is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, "ours/busy/empty")); err != nil {
		t.Errorf("ours/busy/empty belongs to one with a process: %v", err)
	}
	if err := os.Remove(procs); err != nil {
		t.Fatal(err)
	}
	if err := remove(filepath.Join(root, "ours")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "ours")); !os.IsNotExist(err) {
		t.Errorf("ours is still there: %v", err)
	}
}
