package cgroup

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRealtimeIsHandedDown(t *testing.T) {
	const period = "1000000\n"
	files := map[string]string{
		"cpu.rt_runtime_us": "950000\n", "cpu.rt_period_us": period,
		"other/cpu.rt_runtime_us": "250000\n", "other/cpu.rt_period_us": period,
		"ours/cpu.rt_runtime_us": "0\n", "ours/cpu.rt_period_us": period,
		"ours/deep/cpu.rt_runtime_us": "0\n", "ours/deep/cpu.rt_period_us": "500000\n",
	}
	given := func(root, path string) string {
		b, err := os.ReadFile(filepath.Join(root, path, "cpu.rt_runtime_us"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	facts := func(root string) Facts {
		f, err := look([]hierarchy{{root, false, []string{"rw", "cpu"}}})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}

	root := fake(t, files)
	if err := facts(root).shareRealtime("/ours/deep", 100000, 0); err != nil {
		t.Fatal(err)
	}
	if ours, deep := given(root, "ours"), given(root, "ours/deep"); ours != "700000" || deep != "350000" {
		t.Errorf("given %s and %s, want all that others have not: 700000 and, of half the period, 350000", ours, deep)
	}
	// What there is is left.
	files["ours/cpu.rt_runtime_us"] = "100000"
	root = fake(t, files)
	if err := facts(root).shareRealtime("/ours", 100000, 0); err != nil || given(root, "ours") != "100000" {
		t.Errorf("given %s, %v, want the 100000 there were", given(root, "ours"), err)
	}
	err := facts(root).shareRealtime("/ours", 400000, 500000)
	if err == nil || !strings.Contains(err.Error(), "70% of a processor is left for real-time processes, and 80% is asked for") {
		t.Errorf("more than there is: %v", err)
	}
	files["cpu.rt_runtime_us"] = "-1"
	root = fake(t, files)
	if err := facts(root).shareRealtime("/ours", math.MaxInt64, 1); err != nil || given(root, "ours") != "-1" {
		t.Errorf("given %s, %v, want no limit", given(root, "ours"), err)
	}
}

func TestRealtimeIsOfVersionOne(t *testing.T) {
	root := fake(t, map[string]string{"cgroup.controllers": "cpu\n"})
	f, err := look([]hierarchy{{root, true, nil}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.shareRealtime("/ours", 1, 1); err == nil {
		t.Error("no error with version 2")
	}
}
