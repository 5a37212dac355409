package host

import (
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
)

// The kernel's own words for what qemu-user-static registers.
const emulatesS390X = `enabled
interpreter /usr/libexec/qemu-binfmt/s390x-binfmt-P
flags: POCF
offset 0
magic 7f454c4602020100000000000000000000020016
mask ffffffffffffff00fffffffffffffffffffeffff
`

func TestForeignProgramsNeedAnEmulator(t *testing.T) {
	if goruntime.GOARCH == "s390x" {
		t.Skip("they are not foreign here")
	}
	root := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, "qemu-s390x"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := canRun("linux/s390x", filepath.Join(root, "not mounted")); err == nil || !strings.Contains(err.Error(), "exec format error") {
		t.Errorf("without the file system: %v", err)
	}
	write(strings.Replace(emulatesS390X, "enabled", "disabled", 1))
	if err := canRun("linux/s390x", root); err == nil {
		t.Error("one that is disabled counts")
	}
	write(emulatesS390X)
	if err := canRun("linux/s390x", root); err != nil {
		t.Error(err)
	}
	if err := canRun("linux/ppc64le", root); err == nil || !strings.Contains(err.Error(), "linux/ppc64le") {
		t.Errorf("one of another machine counts: %v", err)
	}
	for _, own := range []string{"", "linux/" + goruntime.GOARCH, "linux/" + goruntime.GOARCH + "/v2", "linux/something-new"} {
		if err := canRun(own, root); err != nil {
			t.Errorf("%s: %v", own, err)
		}
	}
}
