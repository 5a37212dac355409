package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/gocompose/gocompose/internal/paths"
)

// Config says what a buildkitd works with.
type Config struct {
	// Containerd is the path of the containerd's socket that it builds on, in that
	// namespace and with that snapshotter.
	Containerd, Namespace, Snapshotter string
	// ContainerdPid is its process, 0 when that cannot be told. One that is connected
	// with another that is no more would find the new one late.
	ContainerdPid int
	// ContainerdID is what it calls itself as long as it has its content. What was kept
	// of builds on one that has lost it is worth nothing.
	ContainerdID string
	// Foreign: it is not ours, and what is kept of builds on it has a folder of its
	// own.
	Foreign bool
	// Runc runs the steps of builds: an absolute path.
	Runc string
	// DeviceFolders are where vendors describe devices, for builds that ask for some.
	DeviceFolders []string
	// Registries are how registries and their mirrors are reached, by host.
	Registries map[string]Registry
	// Env is its environment, all of it, "NAME=value".
	Env []string
	// Limits are those of the build cache.
	Limits Limits
}

// file is the configuration that our buildkitd reads (bundle/buildkit): a part of BuildKit's
// (https://github.com/moby/buildkit/blob/master/docs/buildkitd.toml.md).
type file struct {
	Root         string   `toml:"root"`
	Entitlements []string `toml:"insecure-entitlements"`
	Log          log      `toml:"log"`
	GRPC         grpc     `toml:"grpc"`
	CDI          devices  `toml:"cdi"`
	Worker       workers  `toml:"worker"`

	Registries map[string]Registry `toml:"registry,omitempty"`
}

// Registry is how one is reached: by its mirrors first; over HTTP, or without looking
// at its certificate, or both as it speaks; with certificates that count beside the
// system's, and with our own.
type Registry struct {
	Mirrors  []string  `toml:"mirrors,omitempty"`
	HTTP     *bool     `toml:"http,omitempty"` // nil: one of this machine's loopback only
	Insecure bool      `toml:"insecure,omitempty"`
	CAs      []string  `toml:"ca,omitempty"`
	KeyPairs []KeyPair `toml:"keypair,omitempty"`
}

// KeyPair are the files of a key and its certificate.
type KeyPair struct {
	Key         string `toml:"key"`
	Certificate string `toml:"cert"`
}

type log struct {
	Level string `toml:"level"`
}

type grpc struct {
	Address []string `toml:"address"`
}

type devices struct {
	Folders []string `toml:"specDirs,omitempty"`
}

type workers struct {
	Containerd containerd `toml:"containerd"`
}

type containerd struct {
	Address      string  `toml:"address"`
	Namespace    string  `toml:"namespace"`
	Snapshotter  string  `toml:"snapshotter"`
	CgroupParent string  `toml:"defaultCgroupParent"`
	NetworkMode  string  `toml:"networkMode"`
	CNIConfig    string  `toml:"cniConfigPath"`
	CNIFolder    string  `toml:"cniBinaryPath"`
	CNIPool      int     `toml:"cniPoolSize"`
	Runtime      runtime `toml:"runtime"`
	Limits
}

type runtime struct {
	Path string `toml:"path"`
}

// CgroupParent is below what the steps of a layout's builds run.
func CgroupParent(p paths.Paths) string { return p.CgroupParent() + "/build" }

// render writes the configuration file. A build may ask for each of the privileges:
// that it may have them is the user's word, who could run as root what the build
// runs. The environment, by its digest, the process of containerd and runc are in it so
// that it tells whether they are others.
func (c Config) render(b Builder) ([]byte, error) {
	p := b.Paths
	f := file{
		Root:         c.root(p),
		Entitlements: []string{"network.host", "security.insecure", "device"},
		Log:          log{Level: "error"},
		GRPC:         grpc{Address: []string{"unix://" + p.BuilderSocket()}},
		CDI:          devices{c.DeviceFolders},
		Worker: workers{Containerd: containerd{
			Address:      c.Containerd,
			Namespace:    c.Namespace,
			Snapshotter:  c.Snapshotter,
			CgroupParent: CgroupParent(p),
			NetworkMode:  "cni",
			CNIConfig:    b.networkFile(),
			CNIFolder:    b.pluginFolder(),
			CNIPool:      kept,
			Runtime:      runtime{c.runcScript(p)},
			Limits:       c.Limits,
		}},
		Registries: c.Registries,
	}
	body, err := toml.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	head := fmt.Sprintf("# Written by gocompose at each start of its buildkitd, for containerd %s in process %d, the environment %s and %q.\n\n",
		c.ContainerdID, c.ContainerdPid, digest(c.Env), c.Runc)
	return append([]byte(head), body...), nil
}

// root is where buildkitd keeps what it knows of a containerd's content.
func (c Config) root(p paths.Paths) string {
	if c.Foreign {
		return p.Builder() + "-" + paths.Short(c.Containerd)
	}
	return p.Builder()
}

// digest stands for how an environment says that registries are reached. Where
// programs are, which differs from terminal to terminal, is no reason to start anew.
func digest(env []string) string {
	counts := slices.DeleteFunc(slices.Sorted(slices.Values(env)), func(v string) bool { return strings.HasPrefix(v, "PATH=") })
	sum := sha256.Sum256([]byte(strings.Join(counts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// passedOn are the variables of the starter that buildkitd is given, beside our
// own: how registries are reached, where programs are, and what Go programs are
// debugged with.
var passedOn = []string{
	"PATH", "TZ", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "GODEBUG", "GOTRACEBACK", "GOCOVERDIR",
}

// Environ returns the environment that a buildkitd gets from its starter's.
func Environ(p paths.Paths, starter []string) []string {
	env := []string{"GOCOMPOSE_ROOT=" + p.Root, "GOCOMPOSE_STATE=" + p.State, "TMPDIR=" + temporaryFolder(p)}
	path := false
	for _, v := range starter {
		if name, value, _ := strings.Cut(v, "="); slices.Contains(passedOn, name) && value != "" {
			env = append(env, v)
			path = path || name == "PATH"
		}
	}
	if !path {
		env = append(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	}
	return env
}
