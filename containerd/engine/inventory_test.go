package engine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestVersionsAreFoundInWhatProgramsSay(t *testing.T) {
	for output, want := range map[string]string{
		"containerd github.com/containerd/containerd/v2 v2.3.7 \n":                                    "v2.3.7",
		"containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u1\n":               "1.6.20~ds1",
		"runc version 1.5.2\nspec: 1.3.0\ngo: go1.26.8\nlibseccomp: 2.5.4\n":                          "1.5.2",
		"containerd-shim-gocompose-v1:\n  Version:  v0.2.0\n  Revision: \n  Go version: go1.26.8\n\n": "v0.2.0",
		"Segmentation fault\n": "",
	} {
		if got := versionIn(output); got != want {
			t.Errorf("in %q found %q, want %q", output, got, want)
		}
	}
}

func TestProgramsThatAreMissingOrBrokenAreListed(t *testing.T) {
	c := Config{Bin: t.TempDir()}
	for name, script := range map[string]string{"runc": "echo runc version 9.9", "containerd-shim-gocompose-v1": "exit 1"} {
		if err := os.WriteFile(filepath.Join(c.Bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Programs(t.Context(), c)
	want := []Program{
		{Name: "containerd"},
		{Name: "runc", Path: filepath.Join(c.Bin, "runc"), Version: "9.9"},
		{Name: shimName, Path: filepath.Join(c.Bin, shimName)},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	c.Address = "/run/containerd/containerd.sock"
	if got, err := Programs(t.Context(), c); err != nil || !slices.Equal(got, want[1:]) {
		t.Errorf("with another containerd: %+v, %v", got, err)
	}
}
