package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
)

const (
	// asked is how long questions are asked, questions how many a second, by all
	// containers together.
	asked     = 15 * time.Second
	questions = 1000
	// answerTime is how long the last answers may take.
	answerTime = time.Second
	// resolver is what resolv.conf of containers names.
	resolver = "127.0.0.11:53"
)

// names measures the processor time that the supervisor takes to answer a
// thousand questions a second for each other's addresses, asked from the
// namespaces of n containers.
func (b *bench) names(ctx context.Context, p program, n int) (err error) {
	file, err := b.composeFile("names", n)
	if err != nil {
		return err
	}
	if err := p.compose(ctx, file, "up", "-d"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.compose(context.WithoutCancel(ctx), file, "down")) }()
	all, err := endpoint.List(paths.Paths{State: b.state}.Endpoints())
	if err != nil {
		return err
	}
	var conns []net.Conn
	for _, e := range all {
		err := netns.Do(e.Netns, func() error {
			conn, err := net.Dial("udp4", resolver)
			conns = append(conns, conn)
			return err
		})
		if err != nil {
			return err
		}
		defer conns[len(conns)-1].Close()
	}
	idle, err := b.share(func() error { return rest(ctx, asked) })
	if err != nil {
		return err
	}
	var sent, answered int
	busy, err := b.share(func() error {
		sent, answered, err = ask(ctx, conns)
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(b.out, "\n%.0f DNS questions a second from %d containers take %.1f %% of a processor in the supervisor, %.1f without them; %.2f %% were answered\n",
		float64(sent)/asked.Seconds(), len(conns), busy, idle, 100*float64(answered)/float64(sent))
	return err
}

// share returns how much of a processor the supervisor has taken while do was
// done, in percent.
func (b *bench) share(do func() error) (float64, error) {
	before, err := b.processorTime()
	if err != nil {
		return 0, err
	}
	took, err := timed(do)
	if err != nil {
		return 0, err
	}
	after, err := b.processorTime()
	return 100 * (after["supervisor"] - before["supervisor"]).Seconds() / took.Seconds(), err
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// ask asks by turns, at a steady rate, and returns how often, and how many answers
// named an address.
func ask(ctx context.Context, conns []net.Conn) (sent, answered int, err error) {
	var answers atomic.Int64
	var readers sync.WaitGroup
	for _, conn := range conns {
		readers.Go(func() {
			buf := make([]byte, 4096)
			for {
				n, err := conn.Read(buf)
				if err != nil {
					return // its time is over
				}
				if n >= headerSize && binary.BigEndian.Uint16(buf[6:]) > 0 {
					answers.Add(1)
				}
			}
		})
	}
	sent, err = send(ctx, conns)
	for _, conn := range conns {
		err = errors.Join(err, conn.SetReadDeadline(time.Now().Add(answerTime)))
	}
	readers.Wait()
	return sent, int(answers.Load()), err
}

func send(ctx context.Context, conns []net.Conn) (sent int, err error) {
	tick := time.NewTicker(time.Second / questions)
	defer tick.Stop()
	began := time.Now()
	for passed := time.Duration(0); passed < asked; passed = time.Since(began) {
		select {
		case <-ctx.Done():
			return sent, ctx.Err()
		case <-tick.C:
		}
		// Ticks may be late.
		for ; sent < int(min(passed, asked).Seconds()*questions); sent++ {
			about := fmt.Sprintf("s%d", 1+sent*7%len(conns))
			if _, err := conns[sent%len(conns)].Write(question(uint16(sent), about)); err != nil {
				return sent, err
			}
		}
	}
	return sent, nil
}

// headerSize is the length of what each DNS message begins with (RFC 1035, 4.1.1).
const headerSize = 12

// question is what a resolver asks for a name's IPv4 addresses: recursion is
// wanted, there is one question, of type A and class IN.
func question(id uint16, name string) []byte {
	msg := binary.BigEndian.AppendUint16(nil, id)
	msg = append(msg, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0)
	for label := range strings.SplitSeq(name, ".") {
		msg = append(append(msg, byte(len(label))), label...)
	}
	return slices.Concat(msg, []byte{0, 0, 1, 0, 1})
}
