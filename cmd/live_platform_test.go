//go:build live

package cmd_test

import (
	goruntime "runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gocompose/gocompose/internal/livetest"
)

// pushFor REPO:TAG NAME PLATFORM... puts an image that the tests made into the
// registry, as one for each platform, in which OWN is this machine's. Afterwards
// $OWN is it.
func pushFor(r livetest.Registry, made map[string]v1.Image) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		own := "linux/" + goruntime.GOARCH
		ts.Setenv("OWN", own)
		var platforms []string
		for _, p := range args[2:] {
			platforms = append(platforms, strings.Replace(p, "OWN", own, 1))
		}
		ts.Check(r.PushFor(args[0], made[args[1]], platforms...))
	}
}
