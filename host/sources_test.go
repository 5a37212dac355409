package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"

	"github.com/gocompose/gocompose/project"
)

func TestALinkToNothingIsNoSource(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/nowhere/at/all", link); err != nil {
		t.Fatal(err)
	}
	for _, create := range []bool{false, true} {
		err := source(project.Mount{Type: project.MountBind, Source: link, Target: "/x", CreateHostPath: create})
		if err == nil || !strings.Contains(err.Error(), "the bind mount at /x: its source "+link+" is a link to /nowhere/at/all") {
			t.Errorf("create_host_path: %v: %v", create, err)
		}
	}
}

func TestNothingIsMadeForAStart(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	m := []project.Mount{{Type: project.MountVolume, Source: "data"}, {Type: project.MountBind, Source: gone, Target: "/x", CreateHostPath: true}}
	if err := sources(m); err == nil || !strings.Contains(err.Error(), "the bind mount at /x: its source "+gone+" was removed") {
		t.Errorf("got %v", err)
	}
	if err := os.Mkdir(gone, 0o755); err != nil { // it was not made
		t.Fatal(err)
	}
	if err := sources(m); err != nil {
		t.Error(err)
	}
}

func TestPropagationNeedsASourceThatTakesPart(t *testing.T) {
	above := []*mountinfo.Info{
		{Mountpoint: "/srv", Optional: "shared:7"}, // and over it another one
		{Mountpoint: "/", Optional: "shared:1"},
		{Mountpoint: "/srv", Optional: ""},
	}
	slave := []*mountinfo.Info{{Mountpoint: "/", Optional: "master:1"}}
	for _, tt := range []struct {
		above       []*mountinfo.Info
		propagation string
		ok          bool
	}{
		{above, "rshared", false}, {above, "slave", false},
		{above[:1], "shared", true}, {above[:2], "rslave", true},
		{slave, "shared", false}, {slave, "rshared", false}, {slave, "slave", true}, {slave, "rslave", true},
	} {
		err := takesPart(tt.above, project.Mount{Propagation: tt.propagation}, "/srv/data")
		if (err == nil) != tt.ok {
			t.Errorf("%s on %+v: %v", tt.propagation, *tt.above[0], err)
		}
		if err != nil && !strings.Contains(err.Error(), "mount --make-rshared ") {
			t.Errorf("%v does not say what to do", err)
		}
	}
}

// Containers write to what was fetched, and one may put a link in the place of what another
// binds.
func TestALinkInWhatWasFetchedLeadsNowhereElse(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	for _, err := range []error{
		os.Mkdir(filepath.Join(outside, "x"), 0o755), os.Mkdir(filepath.Join(root, "own"), 0o755),
		os.Symlink(outside, filepath.Join(root, "d")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	bind := func(name string) project.Mount {
		return project.Mount{Type: project.MountBind, Source: filepath.Join(root, name), Target: "/x", Within: root, CreateHostPath: true}
	}
	for _, name := range []string{".", "own", "new/folder"} {
		if err := source(bind(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := sources([]project.Mount{bind("d/x")}); err == nil || !strings.Contains(err.Error(), "was removed since") {
		t.Error(err)
	}
	if f, err := openWithin(bind("d/x")); err == nil {
		t.Error("the link is followed", f.Close())
	}
	_ = source(bind("d/made")) // whether it can be made or not
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
