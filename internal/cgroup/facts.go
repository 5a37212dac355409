package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Facts are what cgroups can do on a host.
type Facts struct {
	// controllers are the hierarchies by what they control.
	controllers map[string]hierarchy
}

// Look returns what cgroups can do on this host.
func Look() (Facts, error) {
	all, err := mounted()
	if err != nil {
		return Facts{}, err
	}
	return look(all)
}

// known are the controllers of version 1 that are asked about here; other
// options of its file systems are none.
var known = []string{"blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"}

func look(all []hierarchy) (Facts, error) {
	f := Facts{map[string]hierarchy{}}
	// Where both versions control something, runtimes use the first alone.
	mixed := slices.ContainsFunc(all, func(h hierarchy) bool {
		return !h.unified && slices.ContainsFunc(h.options, func(o string) bool { return slices.Contains(known, o) })
	})
	for _, h := range all {
		if h.unified && mixed {
			continue
		}
		names := h.options
		if h.unified {
			b, err := os.ReadFile(filepath.Join(h.dir, "cgroup.controllers"))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return Facts{}, err
			}
			names = strings.Fields(string(b))
		}
		for _, name := range names {
			if h.unified || slices.Contains(known, name) {
				f.controllers[name] = h
			}
		}
	}
	return f, nil
}

// Controllers returns the names of all that there are, sorted: "cpu", "memory",
// …. With version 2, blkio is called "io".
func (f Facts) Controllers() []string {
	names := []string{}
	for name := range f.controllers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Read returns what a file of the controller's root says, without white space
// around; "" when there is none.
func (f Facts) Read(controller, file string) string {
	h, ok := f.controllers[controller]
	if !ok {
		return ""
	}
	b, err := os.ReadFile(filepath.Join(h.dir, file))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// File looks for a file that cgroups of the controller have and its root has
// not, and returns the path of one. It is empty when there is none; known is
// false when there is no cgroup to look at.
func (f Facts) File(controller, name string) (path string, known bool) {
	h, ok := f.controllers[controller]
	if !ok {
		return "", true
	}
	enabled := strings.Fields(f.Read(controller, "cgroup.subtree_control"))
	if h.unified && !slices.Contains(enabled, controller) {
		return "", false
	}
	groups, err := subgroups(h.dir)
	if err != nil || len(groups) == 0 {
		return "", false
	}
	file := filepath.Join(groups[0], name)
	if _, err := os.Stat(file); err != nil {
		return "", true
	}
	return file, true
}
