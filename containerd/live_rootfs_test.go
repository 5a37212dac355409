//go:build live

package containerd_test

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAnImageWithoutLayersCanBeMadeAndRead(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.z", "true")
	req.Image.ChainID = ""
	create(t, c, req)
	root, err := c.Rootfs(t.Context(), req.ID)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(root.Path()); err != nil || len(entries) != 0 {
		t.Errorf("the root has %v, %v", entries, err)
	}
	if err := os.WriteFile(filepath.Join(root.Path(), "new"), nil, 0o600); err == nil {
		t.Error("the root can be written to")
	}
	if err := root.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheRootOfAContainerCanBeReadUnseen(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.v", "true")
	create(t, c, req)
	before := mountsBelow(t, "/")
	root, err := c.Rootfs(t.Context(), req.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(root.Path(), "etc/plain")); got != "not a program" {
		t.Errorf("read %q", got)
	}
	if err := os.WriteFile(filepath.Join(root.Path(), "new"), nil, 0o600); err == nil {
		t.Error("the root can be written to")
	}
	if after := mountsBelow(t, "/"); len(after) != len(before) {
		t.Errorf("%d mounts on the host, before %d", len(after), len(before))
	}
	if err := root.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Rootfs(t.Context(), "none"); err == nil {
		t.Error("a container that is not there has a root")
	}
}
