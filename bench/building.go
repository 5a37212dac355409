package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/gocompose/gocompose/view"
)

// dockerfile copies much that seldom changes, works on it, and copies what often
// does. What "first" holds decides whether anything of it has been built before.
const dockerfile = `FROM ` + imageName + `
COPY first /first
COPY tree /tree
RUN cat /tree/* >/all
RUN wc -c /all >/size && mkdir -p /made && cat /all /all >/made/twice
COPY last /last
RUN wc -c /last >/last.size
`

// What the context has: text of a project, and something large.
const (
	treeFiles    = 200
	treeFileSize = 10 << 10
	largeSize    = 8 << 20
)

// builder is something that builds images, and pushes what it has built to a registry.
type builder struct {
	name  string
	build func(ctx context.Context, context string) error
	push  func(ctx context.Context, context string) error
}

// building measures a Dockerfile that is new, that is built again without a change,
// and of which one file has changed, and one that is new and pushed to a registry on
// loopback; beside `docker build`, where there is one. And what it takes to find that of
// five services nothing has changed.
func (b *bench) building(ctx context.Context, p program, archive string, rounds int) (err error) {
	registry, stop, err := b.registry()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	all := []builder{{"gocompose build", func(ctx context.Context, dir string) error {
		return p.compose(ctx, filepath.Join(dir, "compose.yaml"), "build")
	}, func(ctx context.Context, dir string) error {
		file := filepath.Join(dir, "compose-pushed.yaml")
		text := fmt.Sprintf("name: gocompose-pushed\nservices:\n  built: {image: %s/gocompose, build: {context: ., network: host}}\n", registry)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
		return p.compose(ctx, file, "build", "--push")
	}}}
	docker, done, missing := b.dockerBuilder(ctx, archive, registry)
	defer func() { err = errors.Join(err, done()) }()
	if missing != nil {
		fmt.Fprintf(b.out, "\ndocker build is left out: %v\n", missing)
	} else {
		all = append(all, *docker)
	}
	if err := b.buildTable(ctx, all, rounds); err != nil {
		return err
	}
	return b.unchanged(ctx, p, rounds)
}

func (b *bench) buildTable(ctx context.Context, all []builder, rounds int) error {
	dirs := make([]string, len(all))
	for i := range all {
		dir, err := b.buildContext(fmt.Sprintf("context-%d", i), treeFiles, largeSize)
		if err != nil {
			return err
		}
		dirs[i] = dir
		// Whatever is started by the first build is there already where there are more.
		if err := errors.Join(all[i].build(ctx, dir), all[i].push(ctx, dir)); err != nil {
			return err
		}
	}
	found := make([][]times, len(all))
	for round := range rounds {
		for i, with := range all {
			got, err := with.measure(ctx, dirs[i], round)
			if err != nil {
				return err
			}
			found[i] = append(found[i], got)
		}
	}
	fmt.Fprint(b.out, "\nSeconds to build an image, and in brackets how many times those of the last program\n")
	t := view.NewTable("PROGRAM", "NEW", "UNCHANGED", "ONE FILE CHANGED", "NEW, AND PUSHED")
	base := medians(found[len(all)-1])
	for i, with := range all {
		row := []string{with.name}
		for n, d := range medians(found[i]) {
			row = append(row, cell(d, base[n:n+1]))
		}
		t.Row(row...)
	}
	return t.Write(b.out)
}

// measure builds what was never built, builds it again, once more with one file that has
// changed, and what was never built again, which it pushes too.
func (with builder) measure(ctx context.Context, dir string, round int) (times, error) {
	var all times
	for _, step := range []struct {
		changed string
		do      func(context.Context, string) error
	}{{"first", with.build}, {"", with.build}, {"last", with.build}, {"first", with.push}} {
		if step.changed != "" {
			text := fmt.Sprintf("%s of round %d of %s, %d\n", step.changed, round, dir, rand.Uint64())
			if err := os.WriteFile(filepath.Join(dir, step.changed), []byte(text), 0o600); err != nil {
				return nil, err
			}
		}
		took, err := timed(func() error { return step.do(ctx, dir) })
		if err != nil {
			return nil, err
		}
		all = append(all, took)
	}
	return all, nil
}

// buildContext makes a folder with a Dockerfile, a Compose file and what they need.
func (b *bench) buildContext(name string, files, large int) (string, error) {
	dir := filepath.Join(b.dir, name)
	content := map[string]int{"first": 10, "last": 10, "tree/large": large}
	for i := range files {
		content[fmt.Sprintf("tree/file-%d", i)] = treeFileSize
	}
	if err := os.MkdirAll(filepath.Join(dir, "tree"), 0o700); err != nil {
		return "", err
	}
	for path, size := range content {
		if err := os.WriteFile(filepath.Join(dir, path), text(size), 0o600); err != nil {
			return "", err
		}
	}
	compose := fmt.Sprintf("name: gocompose-%s\nservices:\n  built: {build: {context: ., network: host}}\n", name)
	return dir, errors.Join(
		os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o600),
		os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(compose), 0o600))
}

// text can be packed about as well as sources can.
func text(size int) []byte {
	const letters = "abcdefgh ijklmno\n"
	data := make([]byte, size)
	for i := range data {
		data[i] = letters[rand.IntN(len(letters))]
	}
	return data
}

// services are how many have an image of their own in the project that is built
// again without a change.
const services = 5

// unchanged measures how long it takes to find that nothing has to be built.
func (b *bench) unchanged(ctx context.Context, p program, rounds int) (err error) {
	var file strings.Builder
	file.WriteString("name: gocompose-unchanged\nservices:\n")
	for i := range services {
		name := fmt.Sprintf("unchanged-%d", i)
		if _, err := b.buildContext(name, treeFiles/services, 0); err != nil {
			return err
		}
		fmt.Fprintf(&file, "  s%d: {build: {context: %s, network: host}}\n", i, name)
	}
	path := filepath.Join(b.dir, "compose-unchanged.yaml")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		return err
	}
	if err := p.compose(ctx, path, "up", "-d", "--build"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.compose(context.WithoutCancel(ctx), path, "down")) }()
	var all []times
	for range rounds {
		var got times
		for _, args := range [][]string{{"build"}, {"up", "-d", "--build"}, {"up", "-d"}} {
			took, err := timed(func() error { return p.compose(ctx, path, args...) })
			if err != nil {
				return err
			}
			got = append(got, took)
		}
		all = append(all, got)
	}
	m := medians(all)
	_, err = fmt.Fprintf(b.out, "\n%d services of which nothing has changed: build %.3f s, up --build %.3f s, up %.3f s\n",
		services, m[0].Seconds(), m[1].Seconds(), m[2].Seconds())
	return err
}
