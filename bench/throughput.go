package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks/endpoint"
)

const (
	iperfPort = 5201
	// iperfTime is how long each transfer takes, iperfRounds how many go each way in
	// a round: many short ones, by turns, for what else goes on on this machine
	// lasts longer than they do.
	iperfTime   = time.Second
	iperfRounds = 4
	// iperfStart is how long a server may take to answer.
	iperfStart = 10 * time.Second
)

// The host, with a LAN on one side, and on the other a bridge like those of
// gocompose, to compare with: nothing is translated on the way there. Addresses
// are those for documentation (RFC 5737, RFC 3849).
const (
	hostLinks = `
ip link add lan0 type veth peer name eth0 netns %[1]s
ip addr add 192.0.2.1/24 dev lan0
ip addr add 2001:db8:1::1/64 dev lan0 nodad
ip link set lan0 up
ip link add plain0 type bridge
ip addr add 198.51.100.1/24 dev plain0
ip addr add 2001:db8:2::1/64 dev plain0 nodad
ip link set plain0 up
ip link add plain1 type veth peer name eth0 netns %[2]s
ip link set plain1 master plain0
ip link set plain1 up`
	lanLinks = `
ip addr add 192.0.2.2/24 dev eth0
ip addr add 2001:db8:1::2/64 dev eth0 nodad
ip link set eth0 up
ip route add default via 192.0.2.1
ip route add default via 2001:db8:1::1`
	plainLinks = `
ip addr add 198.51.100.2/24 dev eth0
ip addr add 2001:db8:2::2/64 dev eth0 nodad
ip link set eth0 up
ip route add default via 198.51.100.1
ip route add default via 2001:db8:2::1`
)

// ways are where the same transfer goes, by family.
var ways = []struct{ family, published, direct string }{
	{"IPv4", "192.0.2.1", "198.51.100.2"},
	{"IPv6", "2001:db8:1::1", "2001:db8:2::2"},
}

// throughput measures what passes from a LAN through a published port to a
// container, as a share of what passes from there to a server behind an equal
// bridge that nothing is translated for.
func (b *bench) throughput(ctx context.Context, p program, rounds int) (err error) {
	lan, plain := filepath.Join(b.dir, "host-lan"), filepath.Join(b.dir, "host-plain")
	if err := b.connectLAN(ctx, lan, plain); err != nil {
		return err
	}
	file := filepath.Join(b.dir, "compose-throughput.yaml")
	text := fmt.Sprintf("name: gocompose-throughput\nservices:\n  server:\n    image: %s\n    ports: ['%d:%d']\n"+
		"networks: {default: {enable_ipv6: true}}\n", imageName, iperfPort, iperfPort)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	if err := p.compose(ctx, file, "up", "-d"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.compose(context.WithoutCancel(ctx), file, "down")) }()
	all, err := endpoint.List(paths.Paths{State: b.state}.Endpoints())
	if err != nil || len(all) != 1 {
		return errors.Join(err, fmt.Errorf("%d containers are attached, want 1", len(all)))
	}
	for _, host := range []string{all[0].Netns, plain} {
		stop, err := b.at(host).serve(ctx)
		if err != nil {
			return err
		}
		defer stop()
	}
	for _, way := range ways {
		if err := b.at(lan).compare(ctx, way.family, way.published, way.direct, rounds); err != nil {
			return err
		}
	}
	return nil
}

// connectLAN makes the hosts on both sides of ours.
func (b *bench) connectLAN(ctx context.Context, lan, plain string) error {
	// It is a router before gocompose comes: else nothing would pass between
	// links that were there before.
	err := b.setSysctls("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")
	return errors.Join(err,
		b.newHost(ctx, lan), b.newHost(ctx, plain),
		b.commands(ctx, fmt.Sprintf(hostLinks, lan, plain)),
		b.at(lan).commands(ctx, lanLinks),
		b.at(plain).commands(ctx, plainLinks))
}

// serve has iperf3 listen until stop is called. A container's address is that of
// its namespace, whoever listens there.
func (b *bench) serve(ctx context.Context) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := b.cmd(ctx, []string{"iperf3", "-s", "-p", strconv.Itoa(iperfPort)})
	if err := b.on(cmd.Start); err != nil {
		cancel()
		return nil, err
	}
	return func() {
		cancel()
		_ = cmd.Wait() // it ends because we say so
	}, nil
}

func (b *bench) compare(ctx context.Context, family, published, direct string, rounds int) error {
	for _, to := range []string{published, direct} {
		if err := b.answering(ctx, to); err != nil {
			return err
		}
	}
	to, got, cost := []string{published, direct}, [2][]float64{}, [2][]float64{}
	for round := range rounds * iperfRounds {
		for turn := range to {
			i := (round + turn) % 2 // who is first has no advantage
			t, err := b.transfer(ctx, to[i], iperfTime)
			if err != nil {
				return err
			}
			got[i], cost[i] = append(got[i], t.bits), append(cost[i], t.cost)
		}
	}
	through, around := median(got[0]), median(got[1])
	_, err := fmt.Fprintf(b.out, "\nthroughput from a LAN through a published port, %s: %.2fx of direct (%.1f of %.1f Gbit/s; the best %.1f of %.1f); processor time a bit %.2fx\n",
		family, through/around, through/1e9, around/1e9, slices.Max(got[0])/1e9, slices.Max(got[1])/1e9, median(cost[0])/median(cost[1]))
	return err
}

// answering returns once the server does.
func (b *bench) answering(ctx context.Context, to string) (err error) {
	for begin := time.Now(); time.Since(begin) < iperfStart && ctx.Err() == nil; {
		if _, err = b.transfer(ctx, to, iperfTime); err == nil {
			return nil
		}
	}
	return err
}

// transfer is one of them.
type transfer struct {
	bits float64 // a second, that have arrived
	cost float64 // processor time of both ends for each of them
}

func (b *bench) transfer(ctx context.Context, to string, length time.Duration) (t transfer, err error) {
	argv := []string{"iperf3", "-J", "-c", to, "-p", strconv.Itoa(iperfPort), "-t", strconv.Itoa(int(length.Seconds()))}
	cmd := b.cmd(ctx, argv)
	var out bytes.Buffer
	cmd.Stdout = &out
	err = b.on(cmd.Run)
	var report struct {
		End struct {
			Received struct {
				BitsPerSecond float64 `json:"bits_per_second"`
			} `json:"sum_received"`
			Processor struct {
				Host   float64 `json:"host_total"`
				Remote float64 `json:"remote_total"`
			} `json:"cpu_utilization_percent"`
		}
	}
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &report)
	}
	if err != nil {
		return t, fmt.Errorf("%v: %w\n%s", argv, err, out.String())
	}
	t.bits = report.End.Received.BitsPerSecond
	t.cost = (report.End.Processor.Host + report.End.Processor.Remote) / t.bits
	return t, nil
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
