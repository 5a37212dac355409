package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

const (
	// cgroupParent is that of bare containers, from the root of each hierarchy.
	cgroupParent = "/gocompose-bench"
	// atATime is how many runc are run at once.
	atATime = 4
)

// bare measures n containers started by runc alone, and taken away: no images,
// no networks, no logs.
func (b *bench) bare(ctx context.Context, n int) (times, error) {
	ids, err := b.bundles(ctx, n)
	if err != nil {
		return nil, err
	}
	up, err := timed(func() error {
		return inParallel(ids, func(id string) error {
			// Detached, the container keeps what runc was given: no pipe of ours.
			return b.cmd(ctx, b.runc("run", "-d", "--bundle", b.bundlePath(id), id)).Run()
		})
	})
	if err != nil {
		return nil, fmt.Errorf("runc run: %w", err)
	}
	down, err := timed(func() error {
		return inParallel(ids, func(id string) error { return b.command(ctx, b.runc("delete", "-f", id)...) })
	})
	return times{up, down}, err
}

// deleteBare takes away the containers that are still there.
func (b *bench) deleteBare(ctx context.Context) error {
	left, err := os.ReadDir(b.runcRoot())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, l := range left {
		err = errors.Join(err, b.command(ctx, b.runc("delete", "-f", l.Name())...))
	}
	return err
}

func (b *bench) runcRoot() string { return filepath.Join(b.state, "bare") }

func (b *bench) runc(args ...string) []string {
	return append([]string{b.program("runc"), "--root", b.runcRoot()}, args...)
}

func inParallel(ids []string, do func(id string) error) error {
	var group errgroup.Group
	group.SetLimit(atATime)
	for _, id := range ids {
		group.Go(func() error { return do(id) })
	}
	return group.Wait()
}

func (b *bench) bundlePath(id string) string { return filepath.Join(b.dir, "bundles", id) }

// bundles makes n bundles, and returns the IDs of their containers.
func (b *bench) bundles(ctx context.Context, n int) ([]string, error) {
	var ids []string
	for i := range n {
		id := fmt.Sprintf("bench-%d", i)
		ids = append(ids, id)
		err := os.MkdirAll(filepath.Join(b.bundlePath(id), "rootfs", "bin"), 0o755)
		if err == nil && !exists(filepath.Join(b.bundlePath(id), "config.json")) {
			err = b.fillBundle(ctx, id)
		}
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (b *bench) fillBundle(ctx context.Context, id string) error {
	dir := b.bundlePath(id)
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return err
	}
	sh := filepath.Join(dir, "rootfs", "bin", "sh")
	if err := os.WriteFile(sh, busybox, 0o755); err != nil {
		return err
	}
	if err := os.Symlink("sh", filepath.Join(filepath.Dir(sh), "sleep")); err != nil {
		return err
	}
	if err := b.command(ctx, b.runc("spec", "--bundle", dir)...); err != nil {
		return err
	}
	return adjust(filepath.Join(dir, "config.json"), id)
}

// adjust makes runc's example specification run the script.
func adjust(path, id string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config struct {
		Process map[string]any `json:"process"`
		Linux   map[string]any `json:"linux"`
	}
	var whole map[string]any
	if err := errors.Join(json.Unmarshal(data, &config), json.Unmarshal(data, &whole)); err != nil {
		return err
	}
	config.Process["terminal"] = false
	config.Process["args"] = []string{"sh", "-c", script}
	config.Process["env"] = []string{"PATH=/bin"}
	config.Linux["cgroupsPath"] = cgroupParent + "/" + id
	whole["process"], whole["linux"] = config.Process, config.Linux
	if data, err = json.Marshal(whole); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
