package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/atomicfile"
	"github.com/gocompose/gocompose/internal/paths"
)

// buildkitd gives steps a network namespace that a plugin connects, by the Container
// Network Interface (https://www.cni.dev/docs/spec/): a program that it runs once a
// namespace. Namespaces are kept for the next step.
const (
	pluginName = "gocompose-cni"
	// loopbackName is what sets up the loopback. buildkitd asks for it beside ours,
	// which does that too.
	loopbackName = "loopback"
	// kept is how many namespaces wait for steps at least.
	kept = 1
)

// resultsFolder is where libcni notes what plugins have answered, unless told
// otherwise, as buildkitd does not.
const resultsFolder = "/var/lib/cni/results"

// Namespaces is the pattern of where buildkitd binds the namespaces, under their IDs,
// whichever containerd it works on.
func Namespaces(p paths.Paths) string { return filepath.Join(p.Builder()+"*", "net", "cni", "*") }

func (b Builder) pluginFolder() string { return filepath.Join(b.Paths.BuilderState(), "cni") }
func (b Builder) networkFile() string  { return filepath.Join(b.Paths.BuilderState(), "network.conf") }

// networkName begins the names of what libcni notes of this layout.
func (b Builder) networkName() string { return "gocompose-builds-" + paths.Short(b.Paths.State) }

// preparePlugins puts the plugin in a folder of its own, under both names.
func (b Builder) preparePlugins(program string) error {
	if err := os.RemoveAll(b.pluginFolder()); err != nil {
		return err
	}
	if err := os.MkdirAll(b.pluginFolder(), 0o700); err != nil {
		return err
	}
	for _, name := range []string{pluginName, loopbackName} {
		if err := os.Symlink(program, filepath.Join(b.pluginFolder(), name)); err != nil {
			return err
		}
	}
	text, err := json.Marshal(map[string]string{"cniVersion": "1.0.0", "name": b.networkName(), "type": pluginName})
	if err != nil {
		return fmt.Errorf("describing the network: %w", err)
	}
	return atomicfile.Write(b.networkFile(), text, 0o600)
}

// forgetResults removes what libcni has noted of namespaces that a killed buildkitd
// has left.
func (b Builder) forgetResults() error {
	patterns := []string{b.networkName() + "-*"}
	left, err := filepath.Glob(Namespaces(b.Paths))
	if err != nil {
		return err
	}
	for _, namespace := range left {
		patterns = append(patterns, "*-"+filepath.Base(namespace)+"-*")
	}
	for _, pattern := range patterns {
		notes, err := filepath.Glob(filepath.Join(resultsFolder, pattern))
		if err != nil {
			return err
		}
		for _, note := range notes {
			if err := os.Remove(note); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	for _, dir := range []string{resultsFolder, filepath.Dir(resultsFolder)} {
		if err := unix.Rmdir(dir); err != nil {
			return nil // others have notes there, or it was never made
		}
	}
	return nil
}
