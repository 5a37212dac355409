package supervisor

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime/debug"
	"testing"

	"github.com/gocompose/gocompose/internal/paths"
)

// residentKiB returns how many KiB of the process are in memory.
func residentKiB(b *testing.B) (kib float64) {
	b.Helper()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, of, _ := bytes.Cut(status, []byte("VmRSS:"))
	if _, err := fmt.Sscan(string(of), &kib); err != nil {
		b.Fatal(err)
	}
	return kib
}

// BenchmarkFiftyHeldContainers tells what a container costs that publishes a
// port: its name server and the sockets of the port. The first fifty pay for
// what the process needs anyway.
func BenchmarkFiftyHeldContainers(b *testing.B) {
	hold := func(s *supervisor, block int) {
		for i := range 50 {
			e := plain(fmt.Sprintf("c%d-%d", block, i), fmt.Sprintf("127.63.%d.%d", block, i+1), port(80, "tcp", "", 0))
			s.with(e.ID, func(c *container) {
				if _, err := c.hold(b.Context(), s.names, e); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
	var first, second float64
	for b.Loop() {
		s := newSupervisor(Config{
			Paths: paths.Paths{}, Runtime: newFake(), Log: io.Discard, ListenDNS: listenOn,
			Upstreams: func() ([]netip.AddrPort, error) { return nil, nil },
		}.withDefaults())
		before := residentKiB(b)
		hold(s, 0)
		between := residentKiB(b)
		hold(s, 1)
		first, second = first+between-before, second+residentKiB(b)-between
		s.closeAll()
	}
	b.ReportMetric(first/float64(b.N), "KiB/first-50")
	b.ReportMetric(second/float64(b.N), "KiB/next-50")
}
