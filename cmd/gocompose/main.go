// Command gocompose brings Compose files up on containerd.
package main

import (
	"os"

	"github.com/gocompose/gocompose/cmd"
)

// version is set by the build: git describe.
var version = "dev"

func main() { os.Exit(cmd.Main(version)) }
