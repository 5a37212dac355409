package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/jsondir"
	"github.com/gocompose/gocompose/internal/paths"
)

// A cgroup_parent is made by the runtime when a container is started, if it is
// not there. What of it was not is noted before, and taken away when the engine
// ends and nothing uses it; what was there is somebody else's.

// madeCgroups are the folders of cgroups that were made, by parent.
func madeCgroups(p paths.Paths) jsondir.Dir[[]string] {
	return jsondir.Dir[[]string]{Path: p.Cgroups(), Check: func(name string) error {
		if _, err := hex.DecodeString(name); err != nil {
			return err
		}
		return nil
	}}
}

func cgroupsLock(p paths.Paths) string { return filepath.Join(p.Locks(), "cgroups") }

// noteCgroups notes which cgroups there will be because of the container.
func (h *Host) noteCgroups(ctx context.Context, parent string) (err error) {
	if parent == "" {
		return nil
	}
	lock, err := flock.Acquire(ctx, cgroupsLock(h.cfg.Paths))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	missing, err := cgroup.Missing(parent)
	if err != nil || len(missing) == 0 {
		return err
	}
	sum := sha256.Sum256([]byte(parent))
	name := hex.EncodeToString(sum[:8])
	made := madeCgroups(h.cfg.Paths)
	before, _ := made.Read(name) // none, or one that a power cut has torn, with the cgroups
	all := slices.Concat(before, missing)
	slices.Sort(all)
	return made.Write(name, slices.Compact(all))
}

// removeCgroups takes away the cgroups that were made for containers, but for
// those that are in use.
func removeCgroups(ctx context.Context, p paths.Paths) (err error) {
	made := madeCgroups(p)
	names, err := made.Names()
	if err != nil || len(names) == 0 {
		return err
	}
	lock, err := flock.Acquire(ctx, cgroupsLock(p))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	var dirs []string
	for _, name := range names {
		list, err := made.Read(name)
		if err != nil {
			return err
		}
		dirs = append(dirs, list...)
	}
	slices.SortFunc(dirs, func(a, b string) int { return strings.Compare(b, a) }) // what is below first
	left, err := cgroup.RemoveDirs(slices.Compact(dirs))
	if err != nil || left {
		return err
	}
	for _, name := range names {
		err = errors.Join(err, made.Remove(name))
	}
	return err
}
