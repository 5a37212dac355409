package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Group is a cgroup, in every hierarchy that has it.
type Group struct {
	facts Facts
	path  string
}

// Group returns the cgroup of that path.
func (f Facts) Group(path string) Group { return Group{f, path} }

// Unified tells whether the controller is one of version 2, whose files have
// other names and forms.
func (g Group) Unified(controller string) bool { return g.facts.controllers[controller].unified }

// Read returns what a file of the cgroup says. Of a controller that the host has
// not, and of a cgroup that has gone, it is fs.ErrNotExist.
func (g Group) Read(controller, file string) (string, error) {
	h, ok := g.facts.controllers[controller]
	if !ok {
		return "", fs.ErrNotExist
	}
	b, err := os.ReadFile(filepath.Join(h.dir, g.path, file))
	return string(b), err
}

// Processes returns the processes in the cgroup and in those below it, sorted.
// There are none in one that has gone.
func (g Group) Processes() ([]int, error) {
	for _, name := range g.facts.Controllers() {
		dir := filepath.Join(g.facts.controllers[name].dir, g.path)
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		pids, err := processes(dir)
		slices.Sort(pids)
		return slices.Compact(pids), err
	}
	return nil, nil
}

func processes(dir string) ([]int, error) {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var pids []int
	for _, word := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	children, err := subgroups(dir)
	for _, child := range children {
		more, cerr := processes(child)
		pids, err = append(pids, more...), errors.Join(err, cerr)
	}
	return pids, err
}
