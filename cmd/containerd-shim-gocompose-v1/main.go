// Command containerd-shim-gocompose-v1 is the shim of the containerd runtime
// io.containerd.gocompose.v1. containerd runs it; nobody else needs to.
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
