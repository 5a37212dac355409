package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// belonging is to how many networks the services of a stack belong.
type belonging struct{ name, service, below string }

var belongings = []belonging{
	{"none", "network_mode: none", ""},
	{"one", "networks: [front]", "networks: {front: {}}"},
	{"two", "networks: [front, back]", "networks: {front: {}, back: {}}"},
}

// belongingFile writes a stack of n services that belong so.
func (b *bench) belongingFile(which belonging, n int) (string, error) {
	return b.stackFile("join-"+which.name, n, func(int) string { return which.service }, which.below)
}

// joins measures what it costs a container to join networks.
func (b *bench) joins(ctx context.Context, p program, n, rounds int) error {
	if err := b.attaching(ctx, n); err != nil {
		return err
	}
	if err := b.starting(ctx, p); err != nil {
		return err
	}
	return b.joining(ctx, p, n, rounds)
}

// joining measures up and down of n services on no network, on one and on two.
// The networks are made and removed with them.
func (b *bench) joining(ctx context.Context, p program, n, rounds int) error {
	all := make([][]times, len(belongings))
	for range rounds {
		for i, which := range belongings {
			file, err := b.belongingFile(which, n)
			if err != nil {
				return err
			}
			up, down, err := p.upDown(ctx, file)
			if err != nil {
				return err
			}
			all[i] = append(all[i], times{up, down})
		}
	}
	none, one, two := medians(all[0]), medians(all[1]), medians(all[2])
	each := func(m times, i int) float64 { return milliseconds(m[i]-none[i]) / float64(n) }
	_, err := fmt.Fprintf(b.out, "\nup of %d on one network takes %.2fx of up on none (%+.1f ms a container), on two %.2fx (%+.1f ms); down %.2fx (%+.1f ms) and %.2fx (%+.1f ms)\n",
		n, ratio(one[0], none[0]), each(one, 0), ratio(two[0], none[0]), each(two, 0),
		ratio(one[1], none[1]), each(one, 1), ratio(two[1], none[1]), each(two, 1))
	return err
}

func ratio(a, b time.Duration) float64 { return a.Seconds() / b.Seconds() }

// upDown measures both, on an engine that runs already.
func (p program) upDown(ctx context.Context, file string) (up, down time.Duration, err error) {
	if err := p.warm(ctx); err != nil {
		return 0, 0, err
	}
	if up, err = timed(func() error { return p.compose(ctx, file, "up", "-d") }); err != nil {
		return 0, 0, err
	}
	down, err = timed(func() error { return p.compose(ctx, file, "down") })
	return up, down, err
}

// starting measures `start` of one container that belongs to no network, to one
// and to two: with nothing beside it that could hide what it waits for.
func (b *bench) starting(ctx context.Context, p program) (err error) {
	files := make([]string, len(belongings))
	for i, which := range belongings {
		if files[i], err = b.belongingFile(which, 1); err != nil {
			return err
		}
		if err := p.compose(ctx, files[i], "up", "-d"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.compose(context.WithoutCancel(ctx), files[i], "down")) }()
	}
	var all []times
	for range startupRounds {
		took := make(times, len(files))
		for i, file := range files {
			if err := p.compose(ctx, file, "stop"); err != nil {
				return err
			}
			if took[i], err = timed(func() error { return p.compose(ctx, file, "start") }); err != nil {
				return err
			}
		}
		all = append(all, took)
	}
	m := medians(all)
	_, err = fmt.Fprintf(b.out, "\nstart of one container on one network takes %.2fx of start on none (%+.1f ms), on two %.2fx (%+.1f ms)\n",
		ratio(m[1], m[0]), milliseconds(m[1]-m[0]), ratio(m[2], m[0]), milliseconds(m[2]-m[0]))
	return err
}
