// Package provider runs the programs that provide services which are no
// containers, by docker compose's protocol.
package provider

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Find returns the program for a type of providers: the plugin of Docker's command
// line of that name, or else a program in PATH.
func Find(kind string) (string, error) {
	folders := pluginFolders(os.Getenv)
	if !strings.Contains(kind, "/") {
		for _, folder := range folders {
			path := filepath.Join(folder, "docker-"+kind)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return path, nil
			}
		}
	}
	path, err := exec.LookPath(kind)
	if err != nil {
		return "", fmt.Errorf("there is no program for providers of type %q: looked for docker-%[1]s in %s, and for %[1]s in PATH; "+
			"install it, or correct the type", kind, strings.Join(folders, ", "))
	}
	return path, nil
}

// pluginFolders are where Docker's command line has its plugins on Linux.
func pluginFolders(getenv func(string) string) []string {
	var own []string
	if dir := getenv("DOCKER_CONFIG"); dir != "" {
		own = []string{filepath.Join(dir, "cli-plugins")}
	} else if home := getenv("HOME"); home != "" {
		own = []string{filepath.Join(home, ".docker", "cli-plugins")}
	}
	return append(own, "/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
		"/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins")
}
