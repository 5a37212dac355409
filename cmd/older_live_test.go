//go:build live

package cmd_test

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gocompose/gocompose/containerd/enginetest"
)

// TestLiveOlderContainerd runs the scripts of TestLive on a containerd that is
// not ours and older, one for each.
func TestLiveOlderContainerd(t *testing.T) {
	enginetest.UseOlder(t)
	params := liveParams(t)
	setup := params.Setup
	scripts, err := filepath.Glob("../testdata/live/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		t.Run(filepath.Base(script), func(t *testing.T) {
			engine := enginetest.Start(t)
			own := params
			own.Files = []string{script}
			own.Condition = condition("")
			own.Setup = func(e *testscript.Env) error {
				e.Setenv("CONTAINERD_ADDRESS", engine.Address)
				return setup(e)
			}
			testscript.Run(t, own)
		})
	}
}
