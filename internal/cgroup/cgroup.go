// Package cgroup keeps cgroups of ours, in every hierarchy that is mounted.
//
// A cgroup is named by its path from the root of each hierarchy, "/a/b".
package cgroup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Enter makes the cgroup and moves the process into it, with all its threads.
//
// The process stays where it is in hierarchies that do not take it, such as
// read-only ones in a container. The error joins their reasons, and is for
// information: the process is well otherwise.
func Enter(path string, pid int) error {
	mounts, err := hierarchies()
	if err != nil {
		return err
	}
	var refused []error
	for _, mount := range mounts {
		if err := enter(mount, path, pid); err != nil {
			refused = append(refused, fmt.Errorf("entering cgroup %s: %w", filepath.Join(mount, path), err))
		}
	}
	return errors.Join(refused...)
}

// Remove removes the cgroup and those below it from every hierarchy, as far as
// no process is in them. Those with processes stay, and that is no error.
func Remove(path string) error {
	mounts, err := hierarchies()
	if err != nil {
		return err
	}
	var failed []error
	for _, mount := range mounts {
		failed = append(failed, remove(filepath.Join(mount, path)))
	}
	return errors.Join(failed...)
}

// removePause is the time between two attempts of RemoveSoon: that a process has
// ended is told by version 2 only.
const removePause = 20 * time.Millisecond

// RemoveSoon is Remove where nothing is to be left: processes that are about to
// end, or to go elsewhere, are waited for until the deadline.
func RemoveSoon(path string, deadline time.Time) error {
	for {
		if err := Remove(path); err != nil {
			return err
		}
		left, err := exists(path)
		if err != nil || !left || time.Now().After(deadline) {
			return err
		}
		time.Sleep(removePause)
	}
}

// exists tells whether any hierarchy has the cgroup.
func exists(path string) (bool, error) {
	mounts, err := hierarchies()
	for _, mount := range mounts {
		if _, err := os.Stat(filepath.Join(mount, path)); err == nil {
			return true, nil
		}
	}
	return false, err
}

func enter(mount, path string, pid int) error {
	dir := mount
	for _, name := range strings.Split(strings.Trim(path, "/"), "/") {
		parent := dir
		dir = filepath.Join(dir, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := inheritCpuset(parent, dir); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
}

// inheritCpuset gives a new cgroup of the cpuset hierarchy of version 1 its
// parent's CPUs and memory nodes: without any, it takes no process (cpuset(7)).
func inheritCpuset(parent, dir string) error {
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		file := filepath.Join(dir, name)
		has, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another hierarchy
		}
		if err != nil {
			return err
		}
		if strings.TrimSpace(string(has)) != "" {
			continue
		}
		all, err := os.ReadFile(filepath.Join(parent, name))
		if errors.Is(err, fs.ErrNotExist) || err == nil && strings.TrimSpace(string(all)) == "" {
			continue // version 2, where an empty list means the parent's
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, all, 0); err != nil {
			return err
		}
	}
	return nil
}

// remove removes dir and what is below it, but of a cgroup below it with a
// process somewhere in it nothing: what is empty there has its use for that.
func remove(dir string) error {
	children, err := subgroups(dir)
	if err != nil {
		return err
	}
	var failed []error
	for _, child := range children {
		used, err := populated(child)
		if err == nil && !used {
			err = remove(child)
		}
		failed = append(failed, err)
	}
	err = unix.Rmdir(dir)
	if err != nil && !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.ENOENT) {
		failed = append(failed, &fs.PathError{Op: "rmdir", Path: dir, Err: err})
	}
	return errors.Join(failed...)
}

// populated tells whether a process is in the cgroup or below it.
func populated(dir string) (bool, error) {
	procs, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if len(procs) > 0 {
		return true, nil
	}
	children, err := subgroups(dir)
	for _, child := range children {
		if used, err := populated(child); used || err != nil {
			return used, err
		}
	}
	return false, err
}

// subgroups returns the cgroups right below dir; none when dir is gone.
func subgroups(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(dir, e.Name()))
		}
	}
	return dirs, nil
}

// hierarchies returns where the cgroup hierarchies are mounted, each once.
func hierarchies() ([]string, error) {
	all, err := mounted()
	var dirs []string
	for _, h := range all {
		dirs = append(dirs, h.dir)
	}
	return dirs, err
}

// hierarchy is a mounted one.
type hierarchy struct {
	dir     string
	unified bool // version 2
	// options are those of the file system: in version 1, the controllers are
	// among them.
	options []string
}

func mounted() ([]hierarchy, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parse(f)
}

// parse reads mountinfo. The same device number is the same hierarchy, mounted
// again.
func parse(table io.Reader) ([]hierarchy, error) {
	found, err := mountinfo.GetMountsFromReader(table, mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return nil, err
	}
	var mounts []hierarchy
	seen := map[[2]int]bool{}
	for _, m := range found {
		if device := [2]int{m.Major, m.Minor}; !seen[device] {
			seen[device] = true
			mounts = append(mounts, hierarchy{m.Mountpoint, m.FSType == "cgroup2", strings.Split(m.VFSOptions, ",")})
		}
	}
	return mounts, nil
}
