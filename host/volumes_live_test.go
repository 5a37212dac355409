//go:build live

package host

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/project"
)

// What was killed while it made or started a container has left volumes mounted
// for nobody. Those that somebody is busy with stay as they are.
func TestVolumesThatNobodyUsesAreUnmountedByTheNextCommand(t *testing.T) {
	h := open(t)
	v := project.Volume{Name: "shop_data", Options: map[string]string{"type": "tmpfs"}}
	if err := h.CreateVolume(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	data, err := h.volumes.Data(v.Name)
	if err != nil {
		t.Fatal(err)
	}
	use := func(user string) {
		t.Helper()
		if err := h.useVolumes(t.Context(), user, []project.Mount{{Type: project.MountVolume, Source: v.Name}}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(data+"/f", nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mounted := func(want bool) {
		t.Helper()
		if _, err := os.Stat(data + "/f"); errors.Is(err, fs.ErrNotExist) == want {
			t.Errorf("mounted: %v, want %v", !want, want)
		}
	}
	sweep := func() {
		t.Helper()
		if err := h.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, user := range []string{"shop-web-1.n1", maker("shop-web-1.n1")} {
		lock, err := flock.Try(h.containerLock("shop-web-1.n1"))
		if err != nil {
			t.Fatal(err)
		}
		use(user)
		sweep()
		mounted(true)
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
		sweep()
		mounted(false)
	}
	if _, err := os.Stat(h.containerLock("shop-web-1.n1")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock is left: %v", err)
	}

	// so does who ends the engine, without any other command
	use("shop-web-1.n1")
	if err := h.use.Unlock(); err != nil {
		t.Fatal(err)
	}
	h.use = nil
	if err := StopSystem(t.Context(), h.cfg, Careful, func() {}); err != nil {
		t.Fatal(err)
	}
	mounted(false)
	if left, err := os.ReadDir(h.cfg.Paths.UsedVolumes()); len(left) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left: %v (%v)", left, err)
	}
}
