package cmd_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gocompose/gocompose/cmd"
	"github.com/gocompose/gocompose/internal/livetest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"gocompose": func() { os.Exit(cmd.Main("1.2.3")) },
	})
}

// noRaceSleep keeps programs under the race detector from waiting a second
// before they end.
const noRaceSleep = "GORACE=atexit_sleep_ms=0"

// TestScripts runs the scripts that need no runtime. With -update, what they
// compare whole outputs with is written anew.
func TestScripts(t *testing.T) {
	registry := livetest.StartRegistry(t)
	if err := registry.Push("shop/web:1", empty.Image); err != nil {
		t.Fatal(err)
	}
	guarded := livetest.StartGuarded(t, "ann", "s3cret")
	testscript.Run(t, testscript.Params{
		Dir:                 "../testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       flag.Lookup("update").Value.String() == "true",
		Condition: func(name string) (bool, error) {
			if name != "root" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return os.Geteuid() == 0, nil
		},
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, "REGISTRY="+registry.Host, "GUARDED="+guarded.Host, "HOME="+e.WorkDir, "GOCOMPOSE_ROOT="+e.WorkDir+"/.root", "GOCOMPOSE_STATE="+e.WorkDir+"/.state", noRaceSleep)
			return nil
		},
	})
}
