package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
func (b *bench) table(ctx context.Context, profiles []profile, programs []program, sizes []int, rounds int) error {
	t := view.NewTable("SERVICES", "PROGRAM", "UP", "AGAIN", "STOP", "START", "DOWN")
	for _, n := range sizes {
		bare := make([][]times, len(profiles))
		stacks := make([][]times, len(programs))
		for range rounds {
			for i, p := range profiles {
				got, err := b.bare(ctx, p, n)
				if err != nil {
					return err
				}
				bare[i] = append(bare[i], got)
			}
			for i, p := range programs {
				got, err := p.stack(ctx, n)
				if err != nil {
					return err
				}
				stacks[i] = append(stacks[i], got)
			}
		}
		var bases []time.Duration
		for i := range profiles {
			bases = append(bases, medians(bare[i])[0])
		}
		for i, p := range profiles {
			m := medians(bare[i])
			t.Row(strconv.Itoa(n), p.name, cell(m[0], bases), "", "", "", cell(m[1], bases))
		}
		for i, p := range programs {
			row := []string{strconv.Itoa(n), p.name}
			for _, d := range medians(stacks[i]) {
				row = append(row, cell(d, bases))
			}
			t.Row(row...)
		}
	}
	fmt.Fprint(b.out, legend)
	return t.Write(b.out)
}

// legend is before the table.
const legend = `Seconds, and in brackets how many times those of bare runc starting as many containers, four at a time,
first of runc's example, which has no seccomp profile, then with the profile that every container of gocompose has:
the same seccomp rules, capabilities, masked paths, limits and mounts. Neither has an image, a network or a log.
`

// cell is a figure and its ratios to all bases.
func cell(d time.Duration, bases []time.Duration) string {
	ratios := make([]string, len(bases))
	for i, base := range bases {
		ratios[i] = fmt.Sprintf("%.2fx", d.Seconds()/base.Seconds())
	}
	return fmt.Sprintf("%.3f (%s)", d.Seconds(), strings.Join(ratios, ", "))
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
