// Command gocompose-shim is the shim of a container. It is started by
// containerd-shim-gocompose-v1; nobody else needs to run it.
package main

import (
	"context"

	containerd "github.com/containerd/containerd/v2/version"

	"github.com/gocompose/gocompose/shim"
)

// version is set by the build: git describe.
var version = "dev"

func main() {
	containerd.Version = version // what -v says
	shim.Run(context.Background())
}
