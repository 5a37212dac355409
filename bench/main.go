// Command bench measures gocompose on this machine: up, up again, stop, start
// and down of stacks of equal services, in seconds and as ratios to starting as
// many containers with bare runc in the same run; and beside `docker compose`
// where one is found that reaches an engine.
//
// Read the ratios: the seconds are this machine's.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/view"
)

// script is what each service runs: it ends at once when it is asked to.
const script = "trap 'exit 0' TERM; sleep 1d & wait"

func main() {
	bin := flag.String("bin", "bin", "folder of the programs")
	sizes := flag.String("services", "1,10,50", "sizes of the stacks")
	rounds := flag.Int("rounds", 3, "rounds; the median is shown")
	flag.Parse()
	if err := run(context.Background(), *bin, *sizes, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run of the program.
type bench struct {
	ctx    context.Context //nolint:containedctx // a program's own
	bin    string
	dir    string // of everything it makes
	rounds int
	env    []string
}

func run(ctx context.Context, bin, sizes string, rounds int) (err error) {
	bin, err = filepath.Abs(bin)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gocompose-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	state, err := os.MkdirTemp("/run", "gcb-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)
	b := &bench{ctx: ctx, bin: bin, dir: dir, rounds: rounds, env: append(os.Environ(),
		"GOCOMPOSE_ROOT="+filepath.Join(dir, "root"), "GOCOMPOSE_STATE="+state, "PATH="+bin+":"+os.Getenv("PATH"))}
	archive, err := b.image()
	if err != nil {
		return err
	}
	if err := b.run("gocompose", "image", "load", "-i", archive); err != nil {
		return err
	}
	defer func() { _ = b.run("gocompose", "system", "stop", "--force") }()
	if err := b.startup(); err != nil {
		return err
	}
	return b.table(sizes, archive)
}

func (b *bench) table(sizes, archive string) error {
	docker := exec.CommandContext(b.ctx, "docker", "compose", "version").Run() == nil &&
		exec.CommandContext(b.ctx, "docker", "load", "-i", archive).Run() == nil
	t := view.NewTable("STACK", "PROGRAM", "UP", "AGAIN", "STOP", "START", "DOWN", "UP / RUNC")
	for _, size := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			return err
		}
		bare, err := b.median(func() (times, error) { return b.bare(n) })
		if err != nil {
			return err
		}
		t.Row(size, "runc run", seconds(bare[0]), "", "", "", seconds(bare[1]), "1.00")
		programs := [][]string{{"gocompose"}}
		if docker {
			programs = append(programs, []string{"docker", "compose"})
		}
		for _, p := range programs {
			file, err := b.compose(n)
			if err != nil {
				return err
			}
			got, err := b.median(func() (times, error) { return b.stack(p, file) })
			if err != nil {
				return err
			}
			t.Row(size, strings.Join(p, " "), seconds(got[0]), seconds(got[1]), seconds(got[2]), seconds(got[3]), seconds(got[4]),
				fmt.Sprintf("%.2f", got[0].Seconds()/bare[0].Seconds()))
		}
	}
	return t.Write(os.Stdout)
}

type times []time.Duration

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// median runs measure b.rounds times and returns the median of each figure.
func (b *bench) median(measure func() (times, error)) (times, error) {
	var all []times
	for range b.rounds {
		t, err := measure()
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	out := make(times, len(all[0]))
	for i := range out {
		var column times
		for _, t := range all {
			column = append(column, t[i])
		}
		slices.Sort(column)
		out[i] = column[len(column)/2]
	}
	return out, nil
}

// stack measures the life of one stack under a compose program.
func (b *bench) stack(program []string, file string) (times, error) {
	var t times
	for _, step := range [][]string{{"up", "-d"}, {"up", "-d"}, {"stop"}, {"start"}, {"down"}} {
		args := append(slices.Clone(program[1:]), "-f", file)
		begin := time.Now()
		if err := b.run(program[0], append(args, step...)...); err != nil {
			return nil, err
		}
		t = append(t, time.Since(begin))
	}
	return t, nil
}

// bare measures n containers started by runc alone, four at a time, and taken
// away: no images, no network, no logs.
func (b *bench) bare(n int) (times, error) {
	bundles, err := b.bundles(n)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := b.parallel(bundles, func(id, bundle string) error {
		return b.run("runc", "--root", filepath.Join(b.dir, "runc"), "run", "-d", "--bundle", bundle, id)
	}); err != nil {
		return nil, err
	}
	up := time.Since(begin)
	begin = time.Now()
	err = b.parallel(bundles, func(id, _ string) error {
		return b.run("runc", "--root", filepath.Join(b.dir, "runc"), "delete", "-f", id)
	})
	return times{up, time.Since(begin)}, err
}

func (b *bench) parallel(bundles map[string]string, do func(id, bundle string) error) error {
	slots := make(chan struct{}, 4)
	errs := make(chan error, len(bundles))
	for id, bundle := range bundles {
		slots <- struct{}{}
		go func() {
			errs <- do(id, bundle)
			<-slots
		}()
	}
	var first error
	for range bundles {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (b *bench) run(name string, args ...string) error {
	if p := filepath.Join(b.bin, name); exists(p) {
		name = p
	}
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Env = b.env
	if slices.Contains(args, "run") { // a detached container keeps what it is given
		return cmd.Run()
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (b *bench) image() (string, error) {
	img, err := livetest.Busybox(v1.Config{Cmd: []string{"sh", "-c", script}})
	if err != nil {
		return "", err
	}
	tag, err := name.NewTag("bench/busybox:1")
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.dir, "busybox.tar")
	return path, tarball.WriteToFile(path, tag, img)
}

func (b *bench) compose(n int) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "name: bench%d\nservices:\n", n)
	for i := range n {
		fmt.Fprintf(&text, "  s%d: {image: \"bench/busybox:1\"}\n", i+1)
	}
	path := filepath.Join(b.dir, fmt.Sprintf("compose-%d.yaml", n))
	return path, os.WriteFile(path, []byte(text.String()), 0o600)
}

// startup measures the program that does nothing.
func (b *bench) startup() error {
	t, err := b.median(func() (times, error) {
		begin := time.Now()
		err := b.run("gocompose", "version")
		return times{time.Since(begin)}, err
	})
	if err == nil {
		fmt.Printf("gocompose version: %s s\n", seconds(t[0]))
	}
	return err
}
