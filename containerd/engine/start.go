package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/atomicfile"
	"github.com/gocompose/gocompose/internal/daemon"
)

const (
	readyTimeout = 30 * time.Second
	maxOutput    = 2048 // bytes of containerd's log in an error
)

// startOnce starts containerd unless it runs, and waits until it answers. The
// caller holds the lock.
func (c Config) startOnce(ctx context.Context, p programs) error {
	if _, err := probe(ctx, c.Paths.EngineSocket()); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout,
		fmt.Errorf("it does not answer after %v; its log is %s", readyTimeout, c.logFile()))
	defer cancel()
	// One that lives has our root: a second could not open it. It is starting,
	// or hangs.
	pids, err := findProcesses(c.configFile())
	if err != nil {
		return err
	}
	if len(pids) > 0 {
		err := c.await(ctx, func() error { return stillThere(pids[0], c.configFile()) })
		if !errors.Is(err, errEnded) {
			return wrapPid(err, pids[0])
		}
	}
	return c.start(ctx, p)
}

func (c Config) start(ctx context.Context, p programs) error {
	if err := c.prepare(); err != nil {
		return err
	}
	process, err := daemon.Command{
		Path:   p.containerd,
		Args:   []string{"--config", c.configFile()},
		Env:    c.environ(p, os.Environ()),
		Log:    c.logFile(),
		Cgroup: c.cgroup(),
	}.Start()
	if err != nil {
		return err
	}
	err = c.await(ctx, func() error {
		select {
		case <-process.Exited():
			return errEnded
		default:
			return nil
		}
	})
	if !errors.Is(err, errEnded) {
		return wrapPid(err, process.Pid)
	}
	output, err := process.Output(maxOutput)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s ended at its start (%w); the end of its log %s:\n%s",
		p.containerd, process.Err(), c.logFile(), strings.TrimSpace(output))
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

// await returns nil once containerd answers, what ended returns once that is
// an error, or the end of ctx.
func (c Config) await(ctx context.Context, ended func() error) error {
	const shortest, longest = time.Millisecond, 50 * time.Millisecond
	for pause := shortest; ; pause = min(2*pause, longest) {
		over := ended()
		if _, err := probe(ctx, c.Paths.EngineSocket()); err == nil {
			return nil
		}
		if over != nil {
			return over
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

func wrapPid(err error, pid int) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("process %d: %w", pid, err)
}

// environ is the environment of containerd and of the shims: the layout, our
// own settings, and what Go programs are debugged with. Everything else stays
// with the starter, whose secrets and service manager are not theirs.
func (c Config) environ(p programs, starter []string) []string {
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
