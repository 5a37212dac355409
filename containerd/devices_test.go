package containerd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestDevicesAreLookedUp(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink("/dev/null", link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := deviceNodes([]project.Device{{Source: link, Target: "/dev/own", Permissions: "rw"}})
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	if d := got[0]; d.Path != "/dev/own" || d.Type != "c" || d.Major != 1 || d.Minor != 3 || d.Access != "rw" {
		t.Errorf("%+v, want /dev/null at /dev/own", d)
	}

	got, err = deviceNodes([]project.Device{{Source: "/dev", Target: "/host", Permissions: "r"}})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, d := range got {
		found = found || d.Path == "/host/null"
		if !strings.HasPrefix(d.Path, "/host/") || d.Access != "r" {
			t.Errorf("%+v, want it below /host", d)
		}
	}
	if !found {
		t.Errorf("%d devices, and none is /host/null", len(got))
	}

	for source, want := range map[string]string{
		filepath.Join(dir, "missing"): "this host has no ",
		filepath.Join(dir, "file"):    "is no device, and no folder with devices",
		dir:                           "is no device, and no folder with devices",
	} {
		if got, err := deviceNodes([]project.Device{{Source: source, Target: "/x"}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want an error with %q", source, got, err, want)
		}
	}
}

func TestDisksAreLookedUp(t *testing.T) {
	for path, want := range map[string]string{"/dev/null": "/dev/null is no block device", "/dev/no-such-disk": "this host has no /dev/no-such-disk"} {
		asked := project.BlockIO{ReadOps: []project.DeviceNumber{{Path: path, Number: 1}}}
		if got, err := blockDevices(asked, weightFiles{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want an error with %q", path, got, err, want)
		}
	}
}
