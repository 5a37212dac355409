package enginetest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// OlderEnv names a containerd before version 2.3, for the tests that want one.
// Without it they take the one that a package of the system has installed.
const OlderEnv = "GOCOMPOSE_TEST_CONTAINERD"

const packaged = "/usr/bin/containerd"

// UseOlder makes Start, until t ends, start a containerd that is older than
// ours. When there is none, t is skipped.
func UseOlder(t *testing.T) {
	t.Helper()
	containerd := os.Getenv(OlderEnv)
	if containerd == "" {
		containerd = packaged
		if _, err := os.Stat(containerd); err != nil {
			t.Skipf("no containerd of an older version: there is no %s, and %s names no other", packaged, OlderEnv)
		}
	}
	bin := t.TempDir()
	for name, target := range map[string]string{"containerd": containerd, "runc": program(t, "runc")} {
		if err := os.Symlink(target, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(BinEnv, bin)
	v := version(t)
	var major, minor int
	if _, err := fmt.Sscanf(v, "%d.%d", &major, &minor); err != nil {
		t.Fatalf("version %q of %s: %v", v, containerd, err)
	}
	if major > 2 || major == 2 && minor >= 3 {
		t.Skipf("%s is version %s, not older than 2.3; %s can name another", containerd, v, OlderEnv)
	}
	t.Logf("%s is version %s", containerd, v)
}
