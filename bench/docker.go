package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// dockerBuilder returns `docker build`: of the engine that runs, or of one that is
// started for it where Docker is installed, with an error where there is none. done
// ends what was started, in any case.
func (b *bench) dockerBuilder(ctx context.Context, archive, registry string) (with *builder, done func() error, err error) {
	done = func() error { return nil }
	clis := dockerClients()
	if len(clis) == 0 {
		return nil, done, errors.New("no docker in PATH")
	}
	own := *b
	if b.command(ctx, clis[0], "info") != nil {
		daemon, err := exec.LookPath("dockerd")
		if err != nil {
			return nil, done, err
		}
		host, end, err := b.startDocker(ctx, daemon)
		if err != nil {
			return nil, done, err
		}
		own.env, done = append(b.env[:len(b.env):len(b.env)], "DOCKER_HOST="+host), end
	}
	if err := own.command(ctx, clis[0], "load", "-i", archive); err != nil {
		return nil, done, err
	}
	with, err = own.dockerBuild(ctx, clis, registry)
	return with, done, err
}

// dockerClients are the command lines, the one that is packaged with the engine last:
// another one may be beside it that lacks its plugins.
func dockerClients() []string {
	var all []string
	for dir := range strings.SplitSeq(os.Getenv("PATH"), ":") {
		path := filepath.Join(dir, "docker")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			all = append(all, path)
		}
	}
	return all
}

// dockerBuild is a build with BuildKit where a client has it, or else one without.
func (b *bench) dockerBuild(ctx context.Context, clis []string, registry string) (*builder, error) {
	dir, err := b.buildContext("docker", 1, 0)
	if err != nil {
		return nil, err
	}
	for _, kind := range []struct{ name, value string }{{"docker build", "1"}, {"docker build, without BuildKit", "0"}} {
		own := *b
		own.env = append(b.env[:len(b.env):len(b.env)], "DOCKER_BUILDKIT="+kind.value)
		for _, cli := range clis {
			build := func(ctx context.Context, dir, name string) error {
				return own.command(ctx, cli, "build", "--network", "host", "-t", name, dir)
			}
			const local = "gocompose-bench/built"
			if err = build(ctx, dir, local); err == nil {
				pushed := registry + "/docker"
				return &builder{kind.name, func(ctx context.Context, dir string) error { return build(ctx, dir, local) },
					func(ctx context.Context, dir string) error {
						if err := build(ctx, dir, pushed); err != nil {
							return err
						}
						return own.command(ctx, cli, "push", pushed)
					}}, nil
			}
		}
	}
	return nil, err
}

// startDocker starts an engine with folders of its own, and returns what its clients
// are told and what ends it. It touches no network of this host.
func (b *bench) startDocker(ctx context.Context, daemon string) (host string, end func() error, err error) {
	dir := filepath.Join(b.dir, "docker-engine")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	socket := filepath.Join(b.state, "docker.sock")
	var log bytes.Buffer
	cmd := exec.Command(daemon, "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"),
		"--pidfile", filepath.Join(dir, "pid"), "--host", "unix://"+socket,
		"--iptables=false", "--ip6tables=false", "--bridge=none")
	// Its own containerd, not ours.
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	end = func() error {
		err := cmd.Process.Signal(unix.SIGTERM)
		_ = cmd.Wait() // a signal ends it
		return errors.Join(err, unmountBelow(dir), os.RemoveAll(dir))
	}
	for began := time.Now(); ; {
		if _, err := os.Stat(socket); err == nil {
			return "unix://" + socket, end, nil
		}
		if time.Since(began) > time.Minute {
			return "", nil, errors.Join(fmt.Errorf("%s does not start:\n%s", daemon, log.String()), end())
		}
		if err := rest(ctx, 20*time.Millisecond); err != nil {
			return "", nil, errors.Join(err, end())
		}
	}
}

// unmountBelow unmounts what an engine has left mounted.
func unmountBelow(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if at := strings.Fields(line)[4]; strings.HasPrefix(at, dir+"/") {
			err = errors.Join(err, unix.Unmount(at, unix.MNT_DETACH))
		}
	}
	return err
}
