package host

import (
	"context"
	"fmt"
	"slices"

	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/paths"
)

// LockResources keeps other commands from making and taking away "networks", or
// "volumes", by name, and from changing the projects. When it has to wait it says for what.
func LockResources(ctx context.Context, p paths.Paths, kind string, projects []string, waiting func(what string)) (unlock func(), err error) {
	var held []*flock.Lock
	unlock = func() {
		for _, l := range held {
			_ = l.Unlock() // it ends with the file, whatever that says
		}
	}
	lock := func(path, what string) error {
		l, err := flock.AcquireNotify(ctx, path, lockPatience, func() { waiting(what) })
		if err != nil {
			return fmt.Errorf("waiting for another command on %s: %w", what, err)
		}
		held = append(held, l)
		return nil
	}
	err = lock(p.Locks()+"/"+kind+"-commands", kind)
	for _, name := range slices.Compact(slices.Sorted(slices.Values(projects))) { // in one order: nobody waits for who waits for him
		if err == nil && name != "" {
			err = lock(projectLock(p, name), "project "+name)
		}
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}
