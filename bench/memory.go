package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// memory prints what n services take, their own processes left out.
func (b *bench) memory(ctx context.Context, p program, n int) (err error) {
	file, err := b.composeFile("bench", n)
	if err != nil {
		return err
	}
	if err := p.compose(ctx, file, "up", "-d"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.compose(ctx, file, "down")) }()
	ours, err := b.processes()
	if err != nil {
		return err
	}
	sum := map[string]usage{}
	var total usage
	for _, o := range ours {
		sum[o.role] = sum[o.role].plus(o.usage)
		total = total.plus(o.usage)
	}
	s, c, sh := sum["supervisor"], sum["containerd"], sum["shim"]
	_, err = fmt.Fprintf(b.out, "\nmemory with %d services running (PSS): %.0f MB: supervisor %.0f (RSS %.0f), containerd %.0f, %d shims %.0f\n",
		n, total.megabytes(), s.megabytes(), float64(s.rss)/1000, c.megabytes(), sh.count, sh.megabytes())
	return err
}

// usage is the memory of some processes, in kB of 1,000 bytes or so: the
// kernel's kB are of 1,024.
type usage struct{ count, pss, rss int }

func (u usage) plus(o usage) usage { return usage{u.count + o.count, u.pss + o.pss, u.rss + o.rss} }

func (u usage) megabytes() float64 { return float64(u.pss) / 1000 }

type process struct {
	role string
	usage
}

// processes returns those of this run's gocompose.
func (b *bench) processes() ([]process, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var found []process
	for _, dir := range dirs {
		role := b.role(dir)
		if role == "" {
			continue
		}
		u, err := usageOf(dir)
		if err != nil {
			return nil, err
		}
		found = append(found, process{role, u})
	}
	return found, nil
}

// role says which of our programs the process runs; none of this run: "".
func (b *bench) role(dir string) string {
	exe, err := os.Readlink(filepath.Join(dir, "exe"))
	if err != nil || filepath.Dir(exe) != b.bin {
		return ""
	}
	line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return "" // it has just ended
	}
	env, err := os.ReadFile(filepath.Join(dir, "environ"))
	if err != nil || !strings.Contains(string(line)+string(env), b.state) {
		return ""
	}
	switch filepath.Base(exe) {
	case "gocompose":
		return "supervisor"
	case "containerd":
		return "containerd"
	default:
		return "shim"
	}
}

// usageOf reads what the kernel sums up of a process's mappings.
func usageOf(dir string) (usage, error) {
	f, err := os.Open(filepath.Join(dir, "smaps_rollup"))
	if err != nil {
		return usage{}, err
	}
	defer f.Close()
	u := usage{count: 1}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		kib, err := strconv.Atoi(fields[1])
		if err != nil {
			return usage{}, err
		}
		switch fields[0] {
		case "Pss:":
			u.pss = kib * 1024 / 1000
		case "Rss:":
			u.rss = kib * 1024 / 1000
		}
	}
	return u, lines.Err()
}
