package containerd

import (
	"fmt"
	"os"
	"os/exec"
)

// runtimeProgram returns the path of the OCI runtime that a container is to be
// run by; empty is the client's own. It is looked for once, when the container
// is made: what starts it later may have another PATH.
func runtimeProgram(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("runtime: there is no program %s (looked for in PATH, %s): install it, or write the path of an OCI runtime: %w",
			name, os.Getenv("PATH"), err)
	}
	return path, nil
}
