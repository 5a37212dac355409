package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sync/errgroup"

	"github.com/gocompose/gocompose/internal/paths"
)

const (
	// cgroupParent is that of bare containers, from the root of each hierarchy.
	cgroupParent = "/gocompose-bench"
	// atATime is how many runc are run at once.
	atATime = 4
)

// profile is the specification that bare containers are made of.
type profile struct {
	name string // of a row
	dir  string // of the bundles
	// change makes runc's example specification another one.
	change func(*specs.Spec)
}

// example is runc's own, which has no seccomp profile.
func example() profile {
	return profile{name: "runc run -d", dir: "example", change: func(s *specs.Spec) {
		s.Process.Args = []string{"sh", "-c", script}
		s.Process.Env = []string{"PATH=/bin"}
	}}
}

// sameAs is the one of a container of gocompose, but for its network and what
// comes with it: seccomp profile, capabilities, masked paths, limits and mounts
// are the same.
func sameAs(ours specs.Spec) profile {
	ours.Mounts = slices.DeleteFunc(slices.Clone(ours.Mounts), func(m specs.Mount) bool { return m.Type == "bind" })
	linux := *ours.Linux
	linux.Namespaces = slices.Clone(linux.Namespaces)
	for i := range linux.Namespaces {
		linux.Namespaces[i].Path = ""
	}
	return profile{name: "runc run -d, same profile", dir: "same", change: func(s *specs.Spec) {
		*s = ours
		own := linux
		s.Linux = &own
	}}
}

// specification returns that of a container of the program's, which is ours.
func (b *bench) specification(ctx context.Context, p program) (_ specs.Spec, err error) {
	file, err := b.composeFile("warm", 1)
	if err != nil {
		return specs.Spec{}, err
	}
	if err := p.compose(ctx, file, "up", "-d"); err != nil {
		return specs.Spec{}, err
	}
	defer func() { err = errors.Join(err, p.compose(ctx, file, "down")) }()
	tasks := filepath.Join(paths.Paths{State: b.state}.EngineState(), "io.containerd.runtime.v2.task/*/*/config.json")
	found, err := filepath.Glob(tasks)
	if err != nil {
		return specs.Spec{}, err
	}
	if len(found) != 1 {
		return specs.Spec{}, fmt.Errorf("%d specifications are %s", len(found), tasks)
	}
	s, err := readSpec(found[0])
	if err == nil && (s.Linux == nil || s.Linux.Seccomp == nil) {
		err = errors.New("gocompose's containers have no seccomp profile")
	}
	return s, err
}

func readSpec(path string) (s specs.Spec, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(data, &s)
}

// bare measures n containers started by runc alone, and taken away: no images,
// no networks, no logs.
func (b *bench) bare(ctx context.Context, p profile, n int) (times, error) {
	bundles, err := b.bundles(ctx, p, n)
	if err != nil {
		return nil, err
	}
	up, err := timed(func() error {
		return inParallel(bundles, func(dir string) error {
			// Detached, the container keeps what runc was given: no pipe of ours.
			return b.cmd(ctx, b.runc("run", "-d", "--bundle", dir, filepath.Base(dir))).Run()
		})
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	down, err := timed(func() error {
		return inParallel(bundles, func(dir string) error { return b.command(ctx, b.runc("delete", "-f", filepath.Base(dir))...) })
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

func inParallel(bundles []string, do func(dir string) error) error {
	var group errgroup.Group
	group.SetLimit(atATime)
	for _, dir := range bundles {
		group.Go(func() error { return do(dir) })
	}
	return group.Wait()
}

// bundles makes n bundles, and returns their folders, whose names are the IDs of
// their containers.
func (b *bench) bundles(ctx context.Context, p profile, n int) ([]string, error) {
	var all []string
	for i := range n {
		dir := filepath.Join(b.dir, "bundles", p.dir, fmt.Sprintf("bench-%d", i))
		all = append(all, dir)
		err := os.MkdirAll(filepath.Join(dir, "rootfs", "bin"), 0o755)
		if err == nil && !exists(filepath.Join(dir, "config.json")) {
			err = b.fillBundle(ctx, p, dir)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (b *bench) fillBundle(ctx context.Context, p profile, dir string) error {
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
	path := filepath.Join(dir, "config.json")
	s, err := readSpec(path)
	if err != nil {
		return err
	}
	p.change(&s)
	s.Process.Terminal = false
	s.Linux.CgroupsPath = cgroupParent + "/" + filepath.Base(dir)
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
