package containerd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/google/go-cmp/cmp"
)

func TestOverlaysAreReadWithoutTheirUpperLayer(t *testing.T) {
	const base = "/var/lib/gocompose/containerd/snapshots"
	dir, m := readOnly(mount.Mount{Type: "overlay", Source: "overlay", Options: []string{
		"index=off",
		"workdir=" + base + "/7/work",
		"upperdir=" + base + "/7/fs",
		"lowerdir=" + base + "/2/fs:" + base + "/1/fs",
	}})
	if dir != base {
		t.Errorf("relative to %s, want %s", dir, base)
	}
	if diff := cmp.Diff([]string{"index=off", "lowerdir=7/fs:2/fs:1/fs"}, m.Options); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
}

func TestOptionsOfManyLayersFitIntoAPage(t *testing.T) {
	var layers []string
	for i := range 127 { // the most an image may have
		layers = append(layers, fmt.Sprintf("/var/lib/gocompose/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/%d/fs", 100_000+i))
	}
	_, m := readOnly(mount.Mount{Type: "overlay", Options: []string{"lowerdir=" + strings.Join(layers, ":")}})
	if n := len(strings.Join(m.Options, ",")); n > 4096-512 {
		t.Errorf("%d bytes of options, want less than a page", n)
	}
}

func TestOverlaysAreWrittenWithTheirUpperLayer(t *testing.T) {
	const base = "/var/lib/gocompose/containerd/snapshots"
	dir, m := writable(mount.Mount{Type: "overlay", Source: "overlay", Options: []string{
		"index=off",
		"workdir=" + base + "/7/work",
		"upperdir=" + base + "/7/fs",
		"lowerdir=" + base + "/2/fs:" + base + "/1/fs",
	}})
	if dir != base {
		t.Errorf("relative to %s, want %s", dir, base)
	}
	if diff := cmp.Diff([]string{"index=off", "workdir=7/work", "upperdir=7/fs", "lowerdir=2/fs:1/fs"}, m.Options); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if dir, m := writable(mount.Mount{Type: "bind", Options: []string{"rw", "rbind"}}); dir != "/" || strings.Join(m.Options, ",") != "rw,rbind" {
		t.Errorf("%s, %v, want / and rw,rbind", dir, m.Options)
	}
}

func TestOtherMountsAreReadOnlyOnce(t *testing.T) {
	given := mount.Mount{Type: "bind", Source: "/x", Options: []string{"rw", "rbind"}}
	dir, m := readOnly(given)
	if dir != "/" || strings.Join(m.Options, ",") != "rbind,ro" {
		t.Errorf("%s, %v, want / and rbind,ro", dir, m.Options)
	}
	if given.Options[0] != "rw" {
		t.Error("the mount that was given has changed")
	}
}

func TestSharedFolder(t *testing.T) {
	for _, tt := range []struct {
		paths []string
		want  string
	}{
		{nil, "/"},
		{[]string{"/a/b/1/fs"}, "/a/b/1"},
		{[]string{"/a/b/1/fs", "/a/b/12/fs"}, "/a/b"},
		{[]string{"/a/b", "/c/d"}, "/"},
	} {
		if got := sharedFolder(tt.paths); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.paths, got, tt.want)
		}
	}
}
