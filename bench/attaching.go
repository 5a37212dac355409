package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor"
)

// attaching measures what is done for a container's networks alone: n containers,
// one after the other, on none, one and two networks. A process of its own does
// it: in this one only one thread is on the host that is meant, and all that a
// goroutine which is tied to a thread waits for takes longer.
func (b *bench) attaching(ctx context.Context, n int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var out, problem strings.Builder
	cmd := b.cmd(ctx, []string{self, "-attach", filepath.Join(b.dir, "attach"), "-services", strconv.Itoa(n)})
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := b.on(cmd.Run); err != nil {
		return fmt.Errorf("attaching to networks: %w\n%s", err, problem.String())
	}
	var none, one, two float64
	if _, err := fmt.Sscan(out.String(), &none, &one, &two); err != nil {
		return fmt.Errorf("attaching to networks: %w", err)
	}
	_, err = fmt.Fprintf(b.out, "\nattaching a container to one network takes %.2f ms, to two %.2f, to none %.2f\n", one, two, none)
	return err
}

// attachOnly is that process. It prints the milliseconds of none, one and two.
func attachOnly(ctx context.Context, dir, sizes string) (err error) {
	n, err := strconv.Atoi(sizes)
	if err != nil {
		return err
	}
	nets, err := networks.Open(paths.Paths{Root: dir, State: filepath.Join(dir, "state")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, nets.Close()) }()
	m, err := attachAll(ctx, nets, n)
	if err != nil {
		return err
	}
	_, err = fmt.Println(milliseconds(m[0]), milliseconds(m[1]), milliseconds(m[2]))
	return err
}

// attachAll returns the medians of attaching to none, one and two networks.
func attachAll(ctx context.Context, nets *networks.Networks, n int) (_ times, err error) {
	var both []networks.NetworkEndpoint
	for _, name := range []string{"bench_front", "bench_back"} {
		network := project.Network{Name: name}
		if err := nets.CreateNetwork(ctx, network); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, nets.RemoveNetwork(context.WithoutCancel(ctx), network)) }()
		both = append(both, networks.NetworkEndpoint{Endpoint: project.Endpoint{Network: name}})
	}
	var all []times
	for i := range n {
		took := make(times, len(both)+1)
		for k := range took {
			id := fmt.Sprintf("bench-%d-%d", i, k)
			req := networks.AttachRequest{ID: id, Name: id, DNSPort: supervisor.DNSPort, Endpoints: both[:k]}
			defer func() { err = errors.Join(err, nets.Detach(context.WithoutCancel(ctx), id)) }()
			took[k], err = timed(func() error {
				_, err := nets.Attach(ctx, req)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		all = append(all, took)
	}
	return medians(all), nil
}
