// Command bench measures gocompose on this machine: up, up again, stop, start
// and down of stacks of equal services, in seconds and as ratios to starting as
// many containers with bare runc in the same run; beside it `docker compose` and
// `nerdctl compose` where they are found working. Then a chain of services that
// wait for each other's health, the start of the program itself, building images
// beside `docker build`, pulling one beside `docker pull`, what health checks cost,
// and the memory that the largest stack takes. Then, in network namespaces of its
// own, what networks, names and published ports cost.
//
// There are two ratios, for there are two bare runc: one runs its own example,
// which has no seccomp profile, the other what a container of gocompose is, but
// for its network. runc compiles the profile for each container anew, which is
// a third of its time; who compares gocompose with containers that have none
// compares unlike things.
//
// Read the ratios: the seconds are this machine's. It needs root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/cgroup"
)

// script is what each container runs: it ends at once when it is asked to.
const script = "trap 'exit 0' TERM; sleep 1d & wait"

func main() {
	bin := flag.String("bin", "bin", "folder of the programs")
	sizes := flag.String("services", "1,10,50", "sizes of the stacks")
	rounds := flag.Int("rounds", 5, "rounds; the medians are shown")
	others := flag.Bool("others", true, "measure docker compose and nerdctl compose too, where they work")
	parts := flag.String("parts", allParts, "what to measure")
	attachIn := flag.String("attach", "", "attach as many containers to networks, recorded in this folder, and do nothing else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := error(nil)
	if *attachIn != "" {
		err = attachOnly(ctx, *attachIn, *sizes)
	} else {
		err = run(ctx, options{*bin, *sizes, *rounds, *others, *parts})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	bin    string // folder
	sizes  string // numbers with commas between
	rounds int
	others bool
	parts  string // of allParts
}

// allParts is all that can be measured, in this order.
const allParts = "stacks,chain,startup,builds,pulls,probes,memory,throughput,names,joins,ports"

// bench is one run of the program.
type bench struct {
	bin   string // folder of the programs
	dir   string // of all that it makes
	state string // of gocompose
	env   []string
	host  string // the network namespace that commands run in; empty: this one
	out   io.Writer
}

func run(ctx context.Context, opt options) (err error) {
	sizes, err := numbers(opt.sizes)
	if err != nil {
		return err
	}
	b, err := prepare(opt.bin)
	if err != nil {
		return err
	}
	// What was made goes, whatever has ended this.
	defer func() { err = errors.Join(err, b.removeAll()) }()
	image, err := b.image()
	if err != nil {
		return err
	}
	programs := []program{{b: b, name: "gocompose", argv: []string{b.program("gocompose")}}}
	if opt.others {
		programs = append(programs, b.found(ctx)...)
	}
	for _, p := range programs {
		if err := p.load(ctx, image); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.clean()) }()
	}
	measures := b.measures(ctx, programs, image, sizes, opt.rounds)
	for part := range strings.SplitSeq(opt.parts, ",") {
		measure, ok := measures[part]
		if !ok {
			return fmt.Errorf("%q is nothing to measure: choose of %s", part, allParts)
		}
		if err := measure(); err != nil {
			return err
		}
	}
	return nil
}

// measures is all that can be measured. What is about networks is measured on a
// host of its own.
func (b *bench) measures(ctx context.Context, programs []program, image string, sizes []int, rounds int) map[string]func() error {
	largest := slices.Max(sizes)
	all := map[string]func() error{
		"stacks":  func() error { return b.stacks(ctx, programs, sizes, rounds) },
		"chain":   func() error { return b.chain(ctx, programs, rounds) },
		"startup": func() error { return b.startup(ctx) },
		"builds":  func() error { return b.building(ctx, programs[0], image, rounds) },
		"pulls":   func() error { return b.pulling(ctx, programs[0], rounds) },
		"probes":  func() error { return b.probing(ctx, programs[0], largest) },
		"memory":  func() error { return b.memory(ctx, programs[0], largest) },
	}
	for part, measure := range map[string]func(own *bench, p program) error{
		"throughput": func(own *bench, p program) error { return own.throughput(ctx, p, rounds) },
		"names":      func(own *bench, p program) error { return own.names(ctx, p, largest) },
		"joins":      func(own *bench, p program) error { return own.joins(ctx, p, largest, rounds) },
		"ports":      func(own *bench, p program) error { return own.publishing(ctx, p, largest, rounds) },
	} {
		all[part] = func() error { return b.onOwnHost(ctx, image, measure) }
	}
	return all
}

// stacks measures stacks of all sizes with all programs, and bare runc.
func (b *bench) stacks(ctx context.Context, programs []program, sizes []int, rounds int) error {
	ours, err := b.specification(ctx, programs[0])
	if err != nil {
		return err
	}
	return b.table(ctx, []profile{example(), sameAs(ours)}, programs, sizes, rounds)
}

func numbers(list string) ([]int, error) {
	var all []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number of services", s)
		}
		all = append(all, n)
	}
	return all, nil
}

func prepare(bin string) (*bench, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(bin, "gocompose")); err != nil {
		return nil, fmt.Errorf("%w: run make build, or name its folder with -bin", err)
	}
	dir, err := os.MkdirTemp("", "gocompose-bench-")
	if err != nil {
		return nil, err
	}
	state, err := os.MkdirTemp(stateFolder(), "gcb-")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &bench{bin: bin, dir: dir, state: state, out: os.Stdout, env: append(os.Environ(),
		"GOCOMPOSE_ROOT="+filepath.Join(dir, "root"), "GOCOMPOSE_STATE="+state, "PATH="+bin+":"+os.Getenv("PATH"))}, nil
}

// stateFolder is where states lie on ordinary hosts: a tmpfs, and with a short
// path, for sockets are in it. In some virtual machines /run is none.
func stateFolder() string {
	for _, dir := range []string{"/run", "/dev/shm"} {
		var st unix.Statfs_t
		if unix.Statfs(dir, &st) == nil && st.Type == unix.TMPFS_MAGIC {
			return dir
		}
	}
	return "/run"
}

func (b *bench) removeAll() error {
	return errors.Join(b.deleteBare(context.Background()), cgroup.Remove(cgroupParent),
		os.RemoveAll(b.dir), os.RemoveAll(b.state))
}

func (b *bench) program(name string) string { return filepath.Join(b.bin, name) }

// command runs a program to its end. It is in a process group of its own: what
// the terminal sends to all reaches it by way of ctx alone.
func (b *bench) command(ctx context.Context, argv ...string) error {
	var output strings.Builder
	cmd := b.cmd(ctx, argv)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := b.on(cmd.Run); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, output.String())
	}
	return nil
}

func (b *bench) cmd(ctx context.Context, argv []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = b.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	return cmd
}
