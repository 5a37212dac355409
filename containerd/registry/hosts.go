package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/errdefs"
	"github.com/pelletier/go-toml/v2"
)

// hostDir finds the folder of a host. A hosts.toml that cannot be read is an
// error: to go on without the mirror or certificate it names would be a
// surprise.
func hostDir(roots []string) func(host string) (string, error) {
	return func(host string) (string, error) {
		for _, root := range roots {
			dir, err := config.HostDirFromRoot(root)(host)
			if errdefs.IsNotFound(err) {
				continue
			}
			if err != nil {
				return "", err
			}
			return dir, checkHosts(filepath.Join(dir, "hosts.toml"))
		}
		return "", errdefs.ErrNotFound
	}
}

// HostsError is a hosts.toml that is wrong.
type HostsError struct {
	File string
	Err  error
}

func (e *HostsError) Error() string { return e.File + ": " + e.Err.Error() }
func (e *HostsError) Unwrap() error { return e.Err }

// checkHosts refuses what containerd's reader would pass over in silence.
func checkHosts(file string) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	type host struct {
		Capabilities []string `toml:"capabilities"`
	}
	var hosts struct {
		host
		Host map[string]host `toml:"host"`
	}
	if err := toml.Unmarshal(data, &hosts); err != nil {
		var bad *toml.DecodeError
		if errors.As(err, &bad) {
			line, column := bad.Position()
			return &HostsError{fmt.Sprintf("%s:%d:%d", file, line, column), bad}
		}
		return &HostsError{file, err}
	}
	for name, h := range hosts.Host {
		if err := checkCapabilities(h.Capabilities); err != nil {
			return &HostsError{file, fmt.Errorf("host %q: %w", name, err)}
		}
	}
	if err := checkCapabilities(hosts.Capabilities); err != nil {
		return &HostsError{file, err}
	}
	return nil
}

func checkCapabilities(list []string) error {
	for _, c := range list {
		switch c {
		case "pull", "resolve", "push", "referrers":
		default:
			return fmt.Errorf("unknown capability %q: pull, resolve, push and referrers are known", c)
		}
	}
	return nil
}
