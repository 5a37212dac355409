//go:build live

package cmd_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"

	"github.com/containerd/containerd/v2/core/leases"
	"github.com/rogpeppe/go-internal/testscript"
)

// serve NAME DIR serves the folder's files over HTTP on loopback until the script
// ends. $NAME is where, "http://127.0.0.1:41234".
func serve(ts *testscript.TestScript, neg bool, args []string) {
	s := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[1]))))
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL)
}

// compile PROGRAM SOURCE makes a program that needs no library.
func compile(ts *testscript.TestScript, neg bool, args []string) {
	build := exec.Command("go", "build", "-o", ts.MkAbs(args[0]), ts.MkAbs(args[1]))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		ts.Fatalf("%v\n%s", err, out)
	}
}

// ofBuildCache tells whether BuildKit holds with a lease what it keeps for later
// builds: they have names and labels that no other has.
func ofBuildCache(l leases.Lease) bool {
	_, flat := l.Labels["containerd.io/gc.flat"]
	_, temporary := l.Labels["buildkit/lease.temporary"]
	return flat || temporary || len(l.Labels) == 0 && strings.HasSuffix(l.ID, "-variants")
}
