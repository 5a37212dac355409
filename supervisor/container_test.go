package supervisor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/dns"
)

// TestEveryHistoryOfAContainerIsSound: whatever happens in whatever order, only
// a container that starts or runs holds something, and what is held is served
// and known by name.
func TestEveryHistoryOfAContainerIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, open, fails := dns.NewTable(), 0, false
		n := names{
			table:     table,
			forwarder: dns.NewForwarder(func() ([]netip.AddrPort, error) { return nil, nil }),
			listen: func(ctx context.Context, path string) (net.PacketConn, net.Listener, error) {
				if fails {
					return nil, nil, errors.New("no such namespace")
				}
				open++
				pc, l, err := listenSilently(ctx, path)
				return counted{pc, &open}, l, err
			},
		}
		c := &container{}
		defer c.released()
		now := time.Now()
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			was := c.phase
			at := now.Add(time.Duration(rapid.IntRange(-100, 100).Draw(t, "seconds")) * time.Second)
			fails = rapid.Float64Range(0, 1).Draw(t, "fails") < 0.2
			e := plain("a", rapid.SampledFrom([]string{"10.0.0.2", "10.0.0.3"}).Draw(t, "address"))
			cleanUp := false
			event := rapid.SampledFrom([]string{"hold", "restore", "seen", "exited", "missing", "released"}).Draw(t, "event")
			switch event {
			case "hold":
				if _, err := c.hold(t.Context(), n, e); (err != nil) != (fails && (was == absent || was == ended || c.held == nil || c.held.server == nil)) {
					t.Fatalf("holding: %v", err)
				}
			case "restore":
				_ = c.restore(t.Context(), n, e, at)
				if c.phase != starting || c.since != at {
					t.Fatalf("restored into %v", c.phase)
				}
			case "seen":
				c.seen()
			case "exited":
				cleanUp = c.exited(at)
			case "missing":
				cleanUp = c.missing(at)
			case "released":
				c.released()
			}
			if cleanUp != (c.phase == ended && was != ended) {
				t.Fatalf("%s: from %v to %v, clean up: %v", event, was, c.phase, cleanUp)
			}
			if c.held != nil && (c.phase == absent || c.phase == ended) {
				t.Fatalf("%s: something is held in phase %v", event, c.phase)
			}
			if (c.held != nil) != (table.Len() == 1) {
				t.Fatalf("%s: held %v, %d hosts have names", event, c.held != nil, table.Len())
			}
			if open > 1 || open == 1 && c.held == nil {
				t.Fatalf("%s: %d name servers", event, open)
			}
		}
	})
}

// counted knows how many of it are open.
type counted struct {
	net.PacketConn
	open *int
}

func (c counted) Close() error {
	*c.open--
	return c.PacketConn.Close()
}
