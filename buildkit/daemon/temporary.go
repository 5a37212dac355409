package daemon

import (
	"os"
	"path/filepath"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/internal/unmount"
)

// temporaryFolder is where buildkitd mounts secrets of steps, and trees that it looks into.
func temporaryFolder(p paths.Paths) string { return filepath.Join(p.BuilderState(), "tmp") }

// clearTemporary takes away what a buildkitd that was killed has left mounted, there and where
// it mounts the trees of steps: secrets would lie there until the host is rebooted.
func (b Builder) clearTemporary() error {
	folders, err := filepath.Glob(filepath.Join(b.Paths.Builder()+"*", "*", "cachemounts"))
	if err != nil {
		return err
	}
	for _, dir := range append(folders, temporaryFolder(b.Paths)) {
		if err := unmount.Below(dir); err != nil {
			return err
		}
	}
	return os.RemoveAll(temporaryFolder(b.Paths))
}
