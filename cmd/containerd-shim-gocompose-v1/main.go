// Command containerd-shim-gocompose-v1 is the shim of the containerd runtime
// io.containerd.gocompose.v1. containerd runs it; nobody else needs to.
package main

import (
	"context"

	"github.com/gocompose/gocompose/shim"
)

func main() {
	shim.Run(context.Background())
}
