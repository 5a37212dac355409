// Command gocompose brings Compose files up on containerd.
package main

import (
	"os"
	"runtime/debug"

	"github.com/gocompose/gocompose/cmd"
)

// version is set by the build: git describe.
var version = "dev"

// gcPercent suits commands, which are over before garbage matters. The
// supervisor chooses its own.
const gcPercent = 400

func main() {
	debug.SetGCPercent(gcPercent)
	os.Exit(cmd.Main(version))
}
