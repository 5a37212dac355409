package containerd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGroupsAreNumbersOrTheImages(t *testing.T) {
	root := rootWith(t, map[string]string{"etc/passwd": passwd, "etc/group": group})
	for _, tt := range []struct {
		asked []string
		want  []uint32
		fails string
	}{
		{asked: []string{"wheel", "extra"}, want: []uint32{10, 50}},
		{asked: []string{"4711", "bin"}, want: []uint32{1, 4711}},
		{asked: []string{"bin", "1"}, want: []uint32{1}},
		{asked: []string{"wheel", "nobody"}, fails: `no group "nobody"`},
		{asked: []string{"-1"}, fails: `no group "-1"`},
	} {
		got, err := lookUpGroups(root, tt.asked)
		switch {
		case tt.fails != "":
			if err == nil || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("%q: %v, want %s", tt.asked, err, tt.fails)
			}
		case err != nil || !slices.Equal(got, tt.want):
			t.Errorf("%q: %v, %v, want %v", tt.asked, got, err, tt.want)
		}
	}
	if _, ok := numericGroups([]string{"10", "wheel"}); ok {
		t.Error("a name is a number")
	}
}

func TestARuntimeIsFoundOrNamed(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "myrunc")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	for name, want := range map[string]string{"": "", "myrunc": program, program: program} {
		if got, err := runtimeProgram(name); err != nil || got != want {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"none", filepath.Join(dir, "none")} {
		_, err := runtimeProgram(name)
		if err == nil || !strings.Contains(err.Error(), "no program "+name+" (looked for in PATH, "+dir+")") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
