package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/gocompose/gocompose/internal/livetest"
)

const imageName = "gocompose-bench/busybox:1"

// program is something that brings Compose files up.
type program struct {
	b    *bench
	name string
	argv []string // before a command of compose
	// engine is the program whose images those are; empty: gocompose's own.
	engine string
}

// found returns the other programs that work here.
func (b *bench) found(ctx context.Context) []program {
	var all []program
	for _, engine := range []string{"docker", "nerdctl"} {
		if _, err := exec.LookPath(engine); err != nil {
			continue
		}
		if b.command(ctx, engine, "info") != nil || b.command(ctx, engine, "compose", "version") != nil {
			continue
		}
		all = append(all, program{b: b, name: engine + " compose", argv: []string{engine, "compose"}, engine: engine})
	}
	return all
}

// load makes the image known to the program.
func (p program) load(ctx context.Context, archive string) error {
	if p.engine != "" {
		return p.b.command(ctx, p.engine, "load", "-i", archive)
	}
	return p.b.command(ctx, p.argv[0], "image", "load", "-i", archive)
}

// clean takes away what stack and load have left, if they were cut short.
func (p program) clean() error {
	ctx := context.Background()
	var failed []error
	files, err := filepath.Glob(filepath.Join(p.b.dir, "compose-*.yaml"))
	failed = append(failed, err)
	for _, f := range files {
		failed = append(failed, p.compose(ctx, f, "down"))
	}
	if p.engine != "" {
		return errors.Join(append(failed, p.b.command(ctx, p.engine, "rmi", imageName))...)
	}
	return errors.Join(append(failed, p.b.command(ctx, p.argv[0], "system", "stop", "--force"))...)
}

func (p program) compose(ctx context.Context, file string, args ...string) error {
	return p.b.command(ctx, slices.Concat(p.argv, []string{"-f", file}, args)...)
}

// stack measures the life of a stack of n services: up, up again, stop, start,
// down.
func (p program) stack(ctx context.Context, n int) (times, error) {
	if err := p.warm(ctx); err != nil {
		return nil, err
	}
	file, err := p.b.composeFile("bench", n)
	if err != nil {
		return nil, err
	}
	var all times
	for _, step := range [][]string{{"up", "-d"}, {"up", "-d"}, {"stop"}, {"start"}, {"down"}} {
		var took time.Duration
		if took, err = timed(func() error { return p.compose(ctx, file, step...) }); err != nil {
			return nil, err
		}
		all = append(all, took)
	}
	return all, nil
}

// warm starts whatever starts with the first container: it runs already where
// there is more than the stack that is measured.
func (p program) warm(ctx context.Context) error {
	warm, err := p.b.composeFile("warm", 1)
	if err != nil {
		return err
	}
	for _, step := range [][]string{{"up", "-d"}, {"down"}} {
		if err := p.compose(ctx, warm, step...); err != nil {
			return err
		}
	}
	return nil
}

// composeFile writes a stack of n services, and returns its path.
func (b *bench) composeFile(project string, n int) (string, error) {
	return b.stackFile(project, n, func(int) string { return "" }, "")
}

// stackFile writes a stack of n services, each with one more line if there is
// one, and what is below them, and returns its path.
func (b *bench) stackFile(project string, n int, more func(i int) string, below string) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "name: gocompose-%s\nservices:\n", project)
	for i := range n {
		fmt.Fprintf(&text, "  s%d:\n    image: %s\n", i+1, imageName)
		if line := more(i); line != "" {
			fmt.Fprintf(&text, "    %s\n", line)
		}
	}
	text.WriteString(below)
	path := filepath.Join(b.dir, fmt.Sprintf("compose-%s-%d.yaml", project, n))
	return path, os.WriteFile(path, []byte(text.String()), 0o600)
}

// image makes the archive of the image that all services run. It has the
// folders that all distributions have and that are mounted on.
func (b *bench) image() (string, error) {
	img, err := livetest.Busybox(v1.Config{Cmd: []string{"sh", "-c", script}},
		livetest.File{Path: "dev/", Mode: 0o755}, livetest.File{Path: "proc/", Mode: 0o555}, livetest.File{Path: "sys/", Mode: 0o555})
	if err != nil {
		return "", err
	}
	tag, err := name.NewTag(imageName)
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.dir, "busybox.tar")
	return path, tarball.WriteToFile(path, tag, img)
}
