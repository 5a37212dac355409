// Command containerd-shim-gocompose-v1 starts the shims of the containerd
// runtime io.containerd.gocompose.v1, which are processes of gocompose-shim. It
// is called as containerd has shims called; nobody else needs to run it.
package main

import (
	"fmt"
	"os"

	"github.com/gocompose/gocompose/shim/launch"
)

func main() {
	if err := launch.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
