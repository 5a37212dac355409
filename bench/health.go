package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	chainLength = 10
	// watched is how long the cost of health checks is measured.
	watched = 30 * time.Second
	// ticks are the kernel's units of processor time in a second, as programs
	// see them on every architecture of Linux that Go runs on.
	ticks = 100
)

// chain measures, for each program, services that each wait for the one before
// to be healthy.
func (b *bench) chain(ctx context.Context, programs []program, rounds int) error {
	var text strings.Builder
	text.WriteString("name: gocompose-chain\nservices:\n")
	for i := range chainLength {
		fmt.Fprintf(&text, "  s%d:\n    image: %s\n", i, imageName)
		text.WriteString("    healthcheck: {test: [CMD, 'true'], interval: 1s, start_period: 10s, start_interval: 100ms}\n")
		if i > 0 {
			fmt.Fprintf(&text, "    depends_on: {s%d: {condition: service_healthy}}\n", i-1)
		}
	}
	file := filepath.Join(b.dir, "compose-chain.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return err
	}
	for _, p := range programs {
		var all []times
		for range rounds {
			took, err := timed(func() error { return p.compose(ctx, file, "up", "-d") })
			if err := errors.Join(err, p.compose(ctx, file, "down")); err != nil {
				return err
			}
			all = append(all, times{took})
		}
		fmt.Fprintf(b.out, "\n%s up -d of a chain of %d with health conditions: %.2f s\n", p.name, chainLength, medians(all)[0].Seconds())
	}
	return nil
}

// probing measures the processor time that the supervisor, and all of
// gocompose's processes, take while n containers are checked every five seconds.
func (b *bench) probing(ctx context.Context, p program, n int) (err error) {
	file, err := b.composeFile("probing", n)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	image := "image: " + imageName + "\n"
	checked := strings.ReplaceAll(string(text), image, image+"    healthcheck: {test: [CMD, 'true'], interval: 5s}\n")
	if err := os.WriteFile(file, []byte(checked), 0o600); err != nil {
		return err
	}
	if err := p.compose(ctx, file, "up", "-d", "--wait"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.compose(context.WithoutCancel(ctx), file, "down")) }()
	before, err := b.processorTime()
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(watched):
	}
	after, err := b.processorTime()
	if err != nil {
		return err
	}
	share := func(role string) float64 { return 100 * (after[role] - before[role]).Seconds() / watched.Seconds() }
	_, err = fmt.Fprintf(b.out, "\nprobing %d containers every 5 s takes, in %% of a processor: supervisor %.1f, containerd %.1f, shims %.1f, and the probes themselves\n",
		n, share("supervisor"), share("containerd"), share("shim"))
	return err
}

// processorTime returns what this run's processes have used, by role.
func (b *bench) processorTime() (map[string]time.Duration, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	used := map[string]time.Duration{}
	for _, dir := range dirs {
		role := b.role(dir)
		if role == "" {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue // it has just ended
		}
		// After the name, which may hold anything, utime and stime are fields
		// 12 and 13 (proc(5) counts 14 and 15).
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		for _, f := range fields[min(11, len(fields)):min(13, len(fields))] {
			n, err := strconv.Atoi(f)
			if err != nil {
				return nil, fmt.Errorf("reading %s/stat: %w", dir, err)
			}
			used[role] += time.Duration(n) * time.Second / ticks
		}
	}
	return used, nil
}
