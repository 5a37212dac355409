package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gocompose/gocompose/view"
)

// times are the figures of one measurement.
type times []time.Duration

// timed returns how long do takes.
func timed(do func() error) (time.Duration, error) {
	begin := time.Now()
	err := do()
	return time.Since(begin), err
}

// medians returns the median of each figure.
func medians(all []times) times {
	out := make(times, len(all[0]))
	for i := range out {
		var column times
		for _, t := range all {
			column = append(column, t[i])
		}
		slices.Sort(column)
		out[i] = column[len(column)/2]
	}
	return out
}

// table measures all programs and bare runc, by turns, so that what else goes
// on on this machine meets all of them, and prints the medians.
func (b *bench) table(ctx context.Context, programs []program, sizes []int, rounds int) error {
	t := view.NewTable("SERVICES", "PROGRAM", "UP", "AGAIN", "STOP", "START", "DOWN")
	for _, n := range sizes {
		bare := make([]times, rounds)
		stacks := make([][]times, len(programs))
		for r := range rounds {
			var err error
			if bare[r], err = b.bare(ctx, n); err != nil {
				return err
			}
			for i, p := range programs {
				got, err := p.stack(ctx, n)
				if err != nil {
					return err
				}
				stacks[i] = append(stacks[i], got)
			}
		}
		base := medians(bare)
		t.Row(strconv.Itoa(n), "runc run -d", cell(base[0], base[0]), "", "", "", cell(base[1], base[0]))
		for i, p := range programs {
			row := []string{strconv.Itoa(n), p.name}
			for _, d := range medians(stacks[i]) {
				row = append(row, cell(d, base[0]))
			}
			t.Row(row...)
		}
	}
	fmt.Fprintln(b.out, "Seconds, and how many times those of bare runc run -d, four at a time:")
	return t.Write(b.out)
}

func cell(d, base time.Duration) string {
	return fmt.Sprintf("%.3f (%.2fx)", d.Seconds(), d.Seconds()/base.Seconds())
}

// startupRounds are quick.
const startupRounds = 31

// startup measures the program that does nothing, beside one that is nothing.
func (b *bench) startup(ctx context.Context) error {
	var all []times
	for range startupRounds {
		version, err := timed(func() error { return b.command(ctx, b.program("gocompose"), "version") })
		if err != nil {
			return err
		}
		nothing, err := timed(func() error { return b.command(ctx, "/bin/true") })
		if err != nil {
			return err
		}
		all = append(all, times{version, nothing})
	}
	m := medians(all)
	_, err := fmt.Fprintf(b.out, "\ngocompose version: %.1f ms; /bin/true: %.1f ms\n", milliseconds(m[0]), milliseconds(m[1]))
	return err
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
