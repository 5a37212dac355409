package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/internal/unmount"
)

// Steps of builds are run by runc, with a folder of its own: buildkitd cannot tell runc
// which, so it is given a script that does. It lies where programs may be run, as they
// may not be in the state folder of every host.
func (c Config) runcScript(p paths.Paths) string { return filepath.Join(c.root(p), "runc") }

// runcFolder is runc's own (--root).
func runcFolder(p paths.Paths) string { return filepath.Join(p.BuilderState(), "runc") }

// stepsFolder is where buildkitd mounts the trees of steps while they run: it looks for
// that beside its configuration.
func (b Builder) stepsFolder() string { return filepath.Join(b.Paths.BuilderState(), "steps") }

func (c Config) prepareRunc(p paths.Paths) error {
	script := fmt.Sprintf("#!/bin/sh\nexec %s --root %s \"$@\"\n", quote(c.Runc), quote(runcFolder(p)))
	return os.WriteFile(c.runcScript(p), []byte(script), 0o700)
}

// quote writes a word of a shell's.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// endTime is how long killed steps may take to be gone.
const endTime = 10 * time.Second

// endSteps ends the steps that a killed buildkitd has left, and takes away what is
// theirs. It is called while none runs.
func (b Builder) endSteps(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	if err := b.killSteps(ctx); err != nil {
		return err
	}
	if err := unmount.Below(b.stepsFolder()); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(b.stepsFolder()), os.RemoveAll(runcFolder(b.Paths)))
}

// killSteps kills what runs of steps, and takes away their cgroups: a runc that is killed
// while it makes a step, as when a build is given up, leaves them. It is called while nobody
// builds.
func (b Builder) killSteps(ctx context.Context) error {
	group := CgroupParent(b.Paths)
	if err := killAll(ctx, group); err != nil {
		return fmt.Errorf("ending what is left of builds: %w", err)
	}
	return cgroup.Remove(group)
}

// killAll kills the processes of a cgroup, and returns when they are gone.
func killAll(ctx context.Context, path string) error {
	facts, err := cgroup.Look()
	if err != nil {
		return err
	}
	for {
		pids, err := facts.Group(path).Processes()
		if len(pids) == 0 || err != nil {
			return err
		}
		for _, pid := range pids {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("process %d: %w", pid, err)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("processes %d do not end", pids)
		case <-time.After(time.Millisecond):
		}
	}
}
