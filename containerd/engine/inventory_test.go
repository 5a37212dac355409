package engine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gocompose/gocompose/internal/programs"
)

func TestProgramsThatAreMissingOrBrokenAreListed(t *testing.T) {
	c := Config{Bin: t.TempDir()}
	for name, script := range map[string]string{"runc": "echo runc version 9.9", "containerd-shim-gocompose-v1": "exit 1"} {
		if err := os.WriteFile(filepath.Join(c.Bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Programs(t.Context(), c)
	want := []programs.Program{
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
