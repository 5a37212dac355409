package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/atomicfile"
	"github.com/gocompose/gocompose/internal/daemon"
)

// startOnce starts containerd unless it runs, and waits until it answers. The
// caller holds the lock.
func (c Config) startOnce(ctx context.Context, p located) error {
	return c.server().Ensure(ctx, func() (daemon.Command, error) {
		return daemon.Command{
			Path:   p.containerd,
			Args:   c.server().Args,
			Env:    c.environ(p, os.Environ()),
			Log:    c.logFile(),
			Cgroup: c.cgroup(),
		}, c.prepare()
	})
}

// server is how our containerd is known.
func (c Config) server() daemon.Server {
	return daemon.Server{
		Known:  daemon.Known{Name: "containerd", Args: []string{"--config", c.configFile()}},
		Socket: c.Paths.EngineSocket(),
		Log:    c.logFile(),
	}
}

// prepare makes the folders and the configuration file, in a state in which
// containerd can start.
func (c Config) prepare() error {
	if err := checkLength(c.Paths); err != nil {
		return err
	}
	if err := c.makeFolders(); err != nil {
		return err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(c.Paths.Root, &fs); err != nil {
		return fmt.Errorf("looking at the file system of %s: %w", c.Paths.Root, err)
	}
	if fs.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return fmt.Errorf("%s lies on an overlay file system, which cannot hold images; set GOCOMPOSE_ROOT to a folder on a disk or volume",
			c.Paths.Root)
	}
	if err := c.finishDeleting(); err != nil {
		return err
	}
	return atomicfile.Write(c.configFile(), []byte(c.render()), 0o600)
}

// finishDeleting removes the bundles of tasks that a killed containerd was about
// to: it had given them hidden names. It leaves them where they are, and as long
// as it has one it cannot delete a task of that name again, and so make no other.
func (c Config) finishDeleting() error {
	left, err := filepath.Glob(filepath.Join(c.Paths.EngineState(), "io.containerd.runtime.v2.task", "*", ".*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// makeFolders makes them for root alone: containers leave data there, and
// programs that give their owner's rights to whoever can run them.
func (c Config) makeFolders() error {
	for _, dir := range []string{
		c.Paths.Root, c.Paths.State, c.Paths.EngineState(), filepath.Dir(socketDir(c.Paths)), socketDir(c.Paths),
	} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// environ is the environment of containerd and of the shims: the layout, our
// own settings, and what Go programs are debugged with. Everything else stays
// with the starter, whose secrets and service manager are not theirs.
func (c Config) environ(p located, starter []string) []string {
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	var env []string
	for _, v := range starter {
		name, value, _ := strings.Cut(v, "=")
		switch {
		case name == "PATH" && value != "":
			path = value
		case name == "GOCOMPOSE_ROOT", name == "GOCOMPOSE_STATE":
		case strings.HasPrefix(name, "GOCOMPOSE_"), name == "TZ", name == "GODEBUG", name == "GOTRACEBACK", name == "GOCOVERDIR":
			env = append(env, v)
		}
	}
	return append(env, "GOCOMPOSE_ROOT="+c.Paths.Root, "GOCOMPOSE_STATE="+c.Paths.State,
		"PATH="+filepath.Dir(p.shim)+":"+path)
}

func (c Config) configFile() string { return filepath.Join(c.Paths.EngineState(), "config.toml") }
func (c Config) logFile() string    { return filepath.Join(c.Paths.EngineState(), "containerd.log") }

// cgroup is where containerd and the shims live: beside the containers', since
// on version 2 a cgroup with both processes and children has no controllers.
func (c Config) cgroup() string { return c.Paths.CgroupParent() + "/engine" }
