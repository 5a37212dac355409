package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/remote"
	"github.com/gocompose/gocompose/volumes"
)

func TestCopiesThatAreStillNeededStay(t *testing.T) {
	a, now := &app{remote: &remote.Files{Dir: t.TempDir()}}, time.Now()
	for name, age := range map[string]time.Duration{
		"git/container": 90, "git/volume": 90, "git/con": 31, "git/contained": 29, "oci/sha256-new": 0,
	} {
		dir, used := filepath.Join(a.remote.Dir, name), now.Add(-age*24*time.Hour)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(dir, used, used); err != nil {
			t.Fatal(err)
		}
	}
	in := func(path string) string { return filepath.Join(a.remote.Dir, path) }
	mounts := []project.Mount{{Type: project.MountVolume, Source: "data"}, {Type: project.MountBind, Source: in("git/container/mounts/deploy")}}
	containers := []host.Info{{Container: planner.Container{Spec: project.Container{Mounts: mounts}}}}
	vols := []host.Volume{{Volume: volumes.Volume{Volume: project.Volume{Options: map[string]string{"device": in("git/volume/mounts")}}}}}
	all, err := a.copies(t.Context(), containers, vols)
	if err != nil || copySum(all).total != 5 || copySum(all).active != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, tt := range []struct {
		flags systemPruneFlags
		want  string
	}{
		{systemPruneFlags{}, "git/con"},
		{systemPruneFlags{all: true}, "git/con git/contained oci/new"},
		{systemPruneFlags{all: true, filter: []string{"until=48h"}}, "git/con git/contained"},
		{systemPruneFlags{filter: []string{"until=2000h"}}, ""},
		{systemPruneFlags{all: true, filter: []string{"label!=keep"}}, ""},
	} {
		p, err := newPruner(tt.flags, now)
		if err != nil {
			t.Fatal(err)
		}
		names := copyNames(p.unusedCopies(all, now))
		if slices.Sort(names); strings.Join(names, " ") != tt.want {
			t.Errorf("%+v: %q, want %q", tt.flags, names, tt.want)
		}
	}
}
