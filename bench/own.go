package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gocompose/gocompose/networks/netns"
)

// ownHost returns a bench whose gocompose, with folders of its own, runs on a host
// of its own: a network namespace. What it publishes there meets no port of this
// machine's, and what is added to that host is gone with it. done ends it.
func (b *bench) ownHost(ctx context.Context) (own *bench, done func() error, err error) {
	state, err := os.MkdirTemp(stateFolder(), "gcb-")
	if err != nil {
		return nil, nil, err
	}
	dir := filepath.Join(b.dir, "own")
	own = &bench{bin: b.bin, dir: dir, state: state, out: b.out, host: filepath.Join(dir, "host")}
	own.env = append(b.env[:len(b.env):len(b.env)], "GOCOMPOSE_ROOT="+filepath.Join(dir, "root"), "GOCOMPOSE_STATE="+state)
	done = func() error { return errors.Join(own.removeHosts(), os.RemoveAll(dir), os.RemoveAll(state)) }
	if err := own.newHost(ctx, own.host); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return own, done, nil
}

// newHost makes a network namespace.
func (b *bench) newHost(ctx context.Context, path string) error {
	if err := netns.Create(path, func() error { return nil }); err != nil {
		return err
	}
	return b.at(path).command(ctx, "ip", "link", "set", "lo", "up")
}

// removeHosts removes all of them; what runs there has been ended.
func (b *bench) removeHosts() error {
	all, err := filepath.Glob(filepath.Join(b.dir, "host*"))
	for _, path := range all {
		err = errors.Join(err, netns.Remove(path))
	}
	return err
}

// on calls do on the host that commands run on: a program is of the namespace of
// the thread that starts it.
func (b *bench) on(do func() error) error {
	if b.host == "" {
		return do()
	}
	return netns.Do(b.host, do)
}

// at returns a bench whose commands run on another host.
func (b *bench) at(host string) *bench {
	other := *b
	other.host = host
	return &other
}

// commands runs one command a line.
func (b *bench) commands(ctx context.Context, lines string) error {
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		if err := b.command(ctx, strings.Fields(line)...); err != nil {
			return err
		}
	}
	return nil
}

// setSysctls sets those to 1.
func (b *bench) setSysctls(names ...string) error {
	return b.on(func() error {
		for _, name := range names {
			if err := os.WriteFile("/proc/sys/"+name, []byte("1"), 0o644); err != nil {
				return fmt.Errorf("preparing a host: %w", err)
			}
		}
		return nil
	})
}

// onOwnHost calls measure with such a bench, and with gocompose there.
func (b *bench) onOwnHost(ctx context.Context, image string, measure func(own *bench, p program) error) (err error) {
	own, done, err := b.ownHost(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	p := program{b: own, name: "gocompose", argv: []string{b.program("gocompose")}}
	if err := p.load(ctx, image); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.clean()) }()
	return measure(own, p)
}
