package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// firstPort is the first of the host ports that are published.
const firstPort = 20000

// publishing measures n services with a published port each beside n without:
// how long up and down take, what processes there are, and the memory of the
// supervisor, each time a new one.
func (b *bench) publishing(ctx context.Context, p program, n, rounds int) error {
	plain := func(int) string { return "" }
	ports := func(i int) string { return fmt.Sprintf("ports: ['%d:80']", firstPort+i) }
	var took [2][]times
	var processes [2][]int
	var memory [2][]float64
	for range rounds {
		for i, more := range []func(int) string{plain, ports} {
			file, err := b.stackFile("publish", n, more, "")
			if err != nil {
				return err
			}
			if err := b.command(ctx, p.argv[0], "system", "stop", "--force"); err != nil {
				return err
			}
			got, err := b.published(ctx, p, file)
			if err != nil {
				return err
			}
			took[i] = append(took[i], got.times)
			processes[i] = append(processes[i], got.processes)
			memory[i] = append(memory[i], got.memory)
		}
	}
	without, with := medians(took[0]), medians(took[1])
	_, err := fmt.Fprintf(b.out, "\n%d published ports on %d containers: %d processes with them, %d without; supervisor %.1f MB of RSS, %.1f without; up takes %.2fx of that without, down %.2fx\n",
		n, n, slices.Max(processes[1]), slices.Max(processes[0]), median(memory[1]), median(memory[0]), ratio(with[0], without[0]), ratio(with[1], without[1]))
	return err
}

// stackCost is what one stack took.
type stackCost struct {
	times             // up and down
	processes int     // of ours
	memory    float64 // of the supervisor, RSS in MB
}

func (b *bench) published(ctx context.Context, p program, file string) (c stackCost, err error) {
	if err := p.warm(ctx); err != nil {
		return c, err
	}
	up, err := timed(func() error { return p.compose(ctx, file, "up", "-d") })
	var all []process
	if err == nil {
		all, err = b.processes()
	}
	var down time.Duration
	down, downErr := timed(func() error { return p.compose(context.WithoutCancel(ctx), file, "down") })
	for _, o := range all {
		if o.role == "supervisor" {
			c.memory = float64(o.rss) / 1000
		}
	}
	c.times, c.processes = times{up, down}, len(all)
	return c, errors.Join(err, downErr)
}
