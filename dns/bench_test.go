package dns

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// fleet is a table of containers of one project on one network, with an address
// of each family. Their IDs are "c0", "c1", …; each is a service of its own
// beside "web", which all of them are.
func fleet(n int) *Table {
	t := NewTable()
	var services []string
	for i := range n {
		services = append(services, fmt.Sprintf("s%d", i))
	}
	for i := range n {
		h := Host{ID: fmt.Sprintf("c%d", i), Name: fmt.Sprintf("shop-s%d-1", i), Project: "shop", Service: services[i], Services: services}
		for _, a := range []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), netip.AddrFrom16([16]byte{0: 0xfd, 14: byte(i >> 8), 15: byte(i)})} {
			h.Places = append(h.Places, Place{Network: "shop_default", Address: a, Names: []string{h.Name, h.Service, "web"}})
		}
		t.Put(h)
	}
	return t
}

func packed(b *testing.B, m *dns.Msg) []byte {
	b.Helper()
	out, err := m.Pack()
	if err != nil {
		b.Fatal(err)
	}
	return out
}

func BenchmarkLocalAnswer(b *testing.B) {
	s := &Server{config: Config{Viewer: "c0", Table: fleet(50)}}
	for _, c := range []struct {
		name string
		msg  *dns.Msg
	}{
		{"one address", new(dns.Msg).SetQuestion("s7.", dns.TypeA).SetEdns0(1232, false)},
		{"fifty addresses", new(dns.Msg).SetQuestion("web.", dns.TypeA).SetEdns0(1232, false)},
		{"no such type", new(dns.Msg).SetQuestion("s7.", dns.TypeMX)},
		{"qualified", new(dns.Msg).SetQuestion("S7.shop_default.", dns.TypeAAAA)},
		{"unknown", new(dns.Msg).SetQuestion("example.", dns.TypeA)},
		{"who has an address", new(dns.Msg).SetQuestion("7.0.0.10.in-addr.arpa.", dns.TypePTR)},
	} {
		query := packed(b, c.msg)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.answer("udp", query)
			}
		})
	}
}

// askVar has the test binary ask the name servers at the addresses in it.
const askVar = "GOCOMPOSE_TEST_ASK"

const (
	askedContainers = 50
	askedPerSecond  = 1000
	askedFor        = 3 * time.Second
)

// BenchmarkAThousandQueriesASecond reports how much of one core a process takes
// that answers these, from fifty containers in turn: with all that the runtime
// and the kernel do on its account. Another process asks.
func BenchmarkAThousandQueriesASecond(b *testing.B) {
	table := fleet(askedContainers)
	var at []string
	for i := range askedContainers {
		packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		streams, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		s := Start(b.Context(), Config{Viewer: fmt.Sprintf("c%d", i), Table: table, Packets: packets, Streams: streams})
		defer s.Close()
		at = append(at, packets.LocalAddr().String())
	}
	for b.Loop() {
		asking := exec.Command("/proc/self/exe")
		asking.Env = append(os.Environ(), askVar+"="+strings.Join(at, " "))
		asking.Stderr = os.Stderr
		before, began := used(b), time.Now()
		out, err := asking.Output()
		if err != nil {
			b.Fatal(err)
		}
		took, cost := time.Since(began), used(b)-before
		answers, err := strconv.Atoi(string(bytes.TrimSpace(out)))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(answers)/took.Seconds(), "answers/s")
		b.ReportMetric(100*cost.Seconds()/took.Seconds(), "%core")
		b.ReportMetric(float64(cost.Microseconds())/float64(answers), "µs/answer")
	}
}

// used is the processor time of this process, its children left out.
func used(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestMain(m *testing.M) {
	if at := os.Getenv(askVar); at != "" {
		if err := askAll(strings.Fields(at)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// askAll asks the servers in turn, at a steady rate, and prints how many answers
// came.
func askAll(at []string) error {
	var answers atomic.Int64
	var conns []net.Conn
	for _, addr := range at {
		conn, err := net.Dial("udp4", addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		conns = append(conns, conn)
		go func() {
			buf := make([]byte, maxDatagram)
			for {
				if _, err := conn.Read(buf); err != nil {
					return
				}
				answers.Add(1)
			}
		}()
	}
	tick := time.NewTicker(time.Second / askedPerSecond)
	defer tick.Stop()
	began := time.Now()
	for sent := 0; ; {
		<-tick.C
		passed := time.Since(began)
		if passed > askedFor {
			break
		}
		for ; sent < int(passed.Seconds()*askedPerSecond); sent++ { // ticks may be late
			m := new(dns.Msg).SetQuestion(fmt.Sprintf("s%d.", sent*7%len(at)), []uint16{dns.TypeA, dns.TypeAAAA}[sent%2])
			query, err := m.SetEdns0(1232, false).Pack()
			if err != nil {
				return err
			}
			if _, err := conns[sent%len(conns)].Write(query); err != nil {
				return err
			}
		}
	}
	fmt.Println(answers.Load())
	return nil
}
