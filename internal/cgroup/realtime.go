package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// defaultPeriod is the kernel's period of real-time processes, in microseconds.
const defaultPeriod = 1_000_000

// ShareRealtime makes the cgroup, and gives it as much of the time of real-time
// processes as it can get, for a cgroup below it that needs so many microseconds
// of each period (0: the kernel's): in version 1 of cgroups none can have what
// that above it has not, and new ones have nothing.
func ShareRealtime(path string, runtime, period int64) error {
	all, err := mounted()
	if err != nil {
		return err
	}
	f, err := look(all)
	if err != nil {
		return err
	}
	return f.shareRealtime(path, runtime, period)
}

func (f Facts) shareRealtime(path string, runtime, period int64) error {
	h, ok := f.controllers["cpu"]
	if !ok || h.unified {
		return errors.New("there is no hierarchy of version 1 with the controller cpu")
	}
	if period == 0 {
		period = defaultPeriod
	}
	needed := float64(runtime)/float64(period) - 1e-6 // the kernel rounds
	dir := h.dir
	for _, name := range strings.Split(strings.Trim(path, "/"), "/") {
		parent := dir
		dir = filepath.Join(dir, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if free, err := freeRealtime(dir); err != nil || free >= needed {
			if err != nil {
				return err
			}
			continue
		}
		if err := raiseRealtime(parent, dir); err != nil {
			return err
		}
	}
	free, err := freeRealtime(dir)
	if err == nil && free < needed {
		return fmt.Errorf("%.0f%% of a processor is left for real-time processes, and %.0f%% is asked for: ask for less, or raise kernel.sched_rt_runtime_us with sysctl",
			max(free, 0)*100, needed*100)
	}
	return err
}

// raiseRealtime gives a cgroup all that is left of that above it.
func raiseRealtime(parent, dir string) error {
	free, err := freeRealtime(parent)
	if err != nil {
		return err
	}
	own, err := realtime(dir)
	if err != nil || free <= 0 {
		return err
	}
	share := "-1"
	if !math.IsInf(free, 1) {
		period, err := number(filepath.Join(dir, "cpu.rt_period_us"))
		if err != nil {
			return err
		}
		share = strconv.FormatInt(int64(math.Round((own+free)*float64(period))), 10)
	}
	return os.WriteFile(filepath.Join(dir, "cpu.rt_runtime_us"), []byte(share), 0)
}

// freeRealtime returns what a cgroup has of the time of a processor that none
// below it has.
func freeRealtime(dir string) (float64, error) {
	free, err := realtime(dir)
	if err != nil || math.IsInf(free, 1) {
		return free, err
	}
	children, err := subgroups(dir)
	if err != nil {
		return 0, err
	}
	for _, child := range children {
		has, err := realtime(child)
		if errors.Is(err, fs.ErrNotExist) { // it is gone
			continue
		}
		if err != nil {
			return 0, err
		}
		free -= has
	}
	return free, nil
}

// realtime returns what a cgroup may use of a processor: 0.95; infinite where
// nothing limits it.
func realtime(dir string) (float64, error) {
	runtime, err := number(filepath.Join(dir, "cpu.rt_runtime_us"))
	if err != nil {
		return 0, err
	}
	if runtime < 0 {
		return math.Inf(1), nil
	}
	period, err := number(filepath.Join(dir, "cpu.rt_period_us"))
	return float64(runtime) / float64(max(period, 1)), err
}

func number(file string) (int64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
}
