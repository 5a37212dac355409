//go:build live

package nft

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// replicas are three containers behind one port of a host with a LAN.
type replicas struct {
	host
	names []string
	stop  map[string]func()
}

func newReplicas(t testing.TB) replicas {
	r := replicas{host: newHost(newBed(t)), names: []string{"r1", "r2", "r3"}, stop: map[string]func(){}}
	for i, name := range r.names {
		path := r.place(name, "shop", []string{"172.24.0.1", "fd24::1"}, fmt.Sprintf("172.24.0.%d/24", 11+i), fmt.Sprintf("fd24::%d/64", 11+i))
		r.stop[name] = r.serve(path, ":80")
	}
	return r
}

// port returns a port that leads to some of them.
func (r replicas) port(on string, which ...int) Mapping {
	m := mapping(unix.IPPROTO_TCP, on)
	for _, i := range which {
		format := "172.24.0.%d:80"
		if m.Host.Is6() {
			format = "[fd24::%d]:80"
		}
		m.To = append(m.To, netip.MustParseAddrPort(fmt.Sprintf(format, 11+i)))
	}
	return m
}

func TestReplicasGetConnectionsInTurn(t *testing.T) {
	r := newReplicas(t)
	rules := r.rules()
	rules.Mappings = []Mapping{
		r.port("0.0.0.0:8080", 0, 1, 2), r.port("[::]:8080", 0, 1, 2),
		r.port("192.0.2.1:8081", 0, 2), r.port("[fd99::1]:8081", 0, 2),
		r.port("0.0.0.0:8082", 1), r.port("0.0.0.0:8083", 0, 1),
	}
	must(t, r.table.Replace(rules))
	three, two := map[string]int{"r1": 4, "r2": 4, "r3": 4}, map[string]int{"r1": 6, "r3": 6}
	r.gets(map[string]map[string]int{
		"192.0.2.1:8080": three, "[fd99::1]:8080": three, "192.0.2.1:8081": two, "[fd99::1]:8081": two,
		"192.0.2.1:8082": {"r2": 12}, "192.0.2.1:8083": {"r1": 6, "r2": 6},
	})
	must(t, r.table.Change(rules.Mappings, []Mapping{
		r.port("0.0.0.0:8080", 0, 2), r.port("[::]:8080", 0), r.port("192.0.2.1:8081", 0, 1, 2), r.port("0.0.0.0:8083", 0, 2),
	}))
	r.gets(map[string]map[string]int{
		"192.0.2.1:8080": two, "[fd99::1]:8080": {"r1": 12}, "192.0.2.1:8081": three, "192.0.2.1:8083": two,
	})
	r.fails(r.lan, "192.0.2.1:8082", "[fd99::1]:8081")
}

// gets connects to these ports by turns, for a port's count is its own, and
// checks who answers how often.
func (r replicas) gets(want map[string]map[string]int) {
	r.t.Helper()
	got := map[string]map[string]int{}
	for range 12 {
		for addr := range want {
			who, saw, err := ask(r.lan, addr, someTime)
			must(r.t, err)
			if saw != "192.0.2.2" && saw != "fd99::2" {
				r.t.Fatalf("%s sees the client as %s", who, saw)
			}
			if got[addr] == nil {
				got[addr] = map[string]int{}
			}
			got[addr][who]++
		}
	}
	for addr := range want {
		if !maps.Equal(got[addr], want[addr]) {
			r.t.Errorf("connections to %s: %v, want %v", addr, got[addr], want[addr])
		}
	}
}

// clients connect again and again until stopped.
type clients struct {
	group  errgroup.Group
	over   atomic.Bool
	counts [4]atomic.Int64
	gone   atomic.Pointer[string] // who must not answer to connections begun from now on
}

func (r replicas) connect(addr string) *clients {
	c := &clients{}
	for i := range c.counts {
		c.group.Go(func() error {
			return within(r.lan, func() error {
				for !c.over.Load() {
					gone := c.gone.Load()
					who, _, err := ask("", addr, someTime)
					if err == nil && gone != nil && who == *gone {
						err = errors.New(who + " still gets connections")
					}
					if err != nil {
						return fmt.Errorf("connection %d: %w", c.counts[i].Load(), err)
					}
					c.counts[i].Add(1)
				}
				return nil
			})
		})
	}
	return c
}

// goOn waits until each client has made some connections more.
func (c *clients) goOn(t *testing.T) {
	t.Helper()
	for i := range c.counts {
		want := c.counts[i].Load() + 20
		for end := time.Now().Add(4 * someTime); c.counts[i].Load() < want && !t.Failed(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("client %d makes no connections any more: %v", i, c.stop())
			}
		}
	}
}

func (c *clients) stop() error {
	c.over.Store(true)
	return c.group.Wait()
}

func TestReplicasComeAndGoWithoutARefusedConnection(t *testing.T) {
	for _, addr := range []string{"192.0.2.1:8080", "[fd99::1]:8080"} {
		t.Run(addr, func(t *testing.T) {
			r := newReplicas(t)
			on := map[bool]string{true: "0.0.0.0:8080", false: "[::]:8080"}[addr[0] != '[']
			rules := r.rules()
			is := r.port(on, 0, 1, 2)
			rules.Mappings = []Mapping{is}
			must(t, r.table.Replace(rules))
			c := r.connect(addr)
			c.goOn(t)
			become := func(which ...int) {
				next := r.port(on, which...)
				must(t, r.table.Change([]Mapping{is}, []Mapping{next}))
				is = next
			}
			for i, left := range [][]int{{0, 2}, {2}} {
				become(left...)
				// What was on its way has arrived: its container may go.
				leaving := []string{"r2", "r1"}[i]
				c.gone.Store(&leaving)
				c.goOn(t)
				r.stop[leaving]()
				c.goOn(t)
			}
			c.gone.Store(nil)
			for _, name := range []string{"r1", "r2"} {
				r.serve(filepath.Join(r.dir, name), ":80")
			}
			become(0, 1, 2)
			c.goOn(t)
			must(t, c.stop())
		})
	}
}

func TestThereIsNoMomentWithoutATarget(t *testing.T) {
	r := newReplicas(t)
	rules := r.rules()
	is := r.port("0.0.0.0:8080", 0)
	rules.Mappings = []Mapping{is}
	must(t, r.table.Replace(rules))
	c := r.connect("192.0.2.1:8080")
	for range 600 {
		for _, which := range [][]int{{0, 1, 2}, {1, 2}, {2}, {0, 2}, {0}} {
			next := r.port("0.0.0.0:8080", which...)
			must(t, r.table.Change([]Mapping{is}, []Mapping{next}))
			is = next
		}
	}
	must(t, c.stop())
	rules.Mappings = []Mapping{is}
	r.holds(rules)
	total := int64(0)
	for i := range c.counts {
		total += c.counts[i].Load()
	}
	t.Logf("%d connections during 3000 changes", total)
}

func TestReplacingTheTableRefusesNoConnection(t *testing.T) {
	r := newReplicas(t)
	rules := r.rules()
	rules.Mappings = []Mapping{r.port("0.0.0.0:8080", 0, 1), r.port("0.0.0.0:8081", 2)}
	more := rules
	more.Networks = append(slices.Clone(rules.Networks), Network{Bridge: "more", Subnets: prefixes("172.28.0.0/24")})
	more.Mappings = append(slices.Clone(rules.Mappings), mapping(unix.IPPROTO_TCP, "0.0.0.0:8082", "172.28.0.2:80"))
	must(t, r.table.Replace(rules))
	several, one := r.connect("192.0.2.1:8080"), r.connect("192.0.2.1:8081")
	for range 500 {
		must(t, r.table.Replace(more))
		must(t, r.table.Replace(rules))
	}
	must(t, errors.Join(several.stop(), one.stop()))
}
