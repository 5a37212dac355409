package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/supervisor/keep"
)

var errEngineDown = errors.New("the engine is down")

// fakeRuntime is an engine with containers that are nothing but their IDs.
type fakeRuntime struct {
	mu       sync.Mutex
	living   map[string]bool
	streams  []chan Event
	down     bool // until somebody restores it
	broken   bool // for good: restoring fails
	refuse   int  // how many more releases fail
	needed   bool // Idle says no
	restored []time.Time
	released []string
	shutdown int
	looks    int // how often what runs was asked for
}

func newFake(living ...string) *fakeRuntime {
	f := &fakeRuntime{living: map[string]bool{}}
	for _, id := range living {
		f.living[id] = true
	}
	return f
}

func (f *fakeRuntime) Events(ctx context.Context) (<-chan Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down || f.broken {
		return nil, errEngineDown
	}
	stream := make(chan Event, 100)
	f.streams = append(f.streams, stream)
	context.AfterFunc(ctx, func() { f.end(stream) })
	return stream, nil
}

func (f *fakeRuntime) end(stream chan Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.streams, stream); i >= 0 {
		f.streams = slices.Delete(f.streams, i, i+1)
		close(stream)
	}
}

func (f *fakeRuntime) Containers(context.Context) ([]Container, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	if f.down || f.broken {
		return nil, errEngineDown
	}
	var all []Container
	for id := range f.living {
		all = append(all, Container{ID: id, Running: true})
	}
	return all, nil
}

func (f *fakeRuntime) Container(_ context.Context, id string) (Container, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.living[id] {
		return Container{}, ErrNoContainer
	}
	return Container{ID: id, Running: true}, nil
}

func (f *fakeRuntime) Restart(context.Context, string, keep.Record) error { return ErrUnwanted }

func (f *fakeRuntime) GiveUp(context.Context, string, time.Time) error { return nil }

func (f *fakeRuntime) Stop(context.Context, string) error { return nil }

func (f *fakeRuntime) Probe(context.Context, string, project.Healthcheck) (health.Result, error) {
	return health.Result{}, errEngineDown
}

func (f *fakeRuntime) Release(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.released = append(f.released, id)
	if f.refuse > 0 {
		f.refuse--
		return errors.New("not now")
	}
	return nil
}

func (f *fakeRuntime) Restore(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restored = append(f.restored, time.Now())
	if f.broken {
		return errEngineDown
	}
	f.down = false
	return nil
}

func (f *fakeRuntime) Idle(context.Context) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.needed && len(f.living) == 0, nil
}

func (f *fakeRuntime) Shutdown(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shutdown++
	return nil
}

// begin has a container's process live.
func (f *fakeRuntime) begin(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.living[id] = true
}

// exit ends a container's process; who listens hears so.
func (f *fakeRuntime) exit(id string) {
	f.mu.Lock()
	delete(f.living, id)
	f.mu.Unlock()
	f.tell(Event{ID: id, Kind: EventExited, At: time.Now()})
}

func (f *fakeRuntime) tell(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.streams {
		s <- e
	}
}

// die ends the engine. The containers live on, but for those given.
func (f *fakeRuntime) die(dead ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = true
	for _, id := range dead {
		delete(f.living, id)
	}
	for _, s := range f.streams {
		close(s)
	}
	f.streams = nil
}

func (f *fakeRuntime) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeRuntime) releases() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.released)
}

func (f *fakeRuntime) looked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.looks
}

func (f *fakeRuntime) restores() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.restored)
}

// silent is a pair of sockets to which nobody ever talks.
type silent struct {
	net.PacketConn
	net.Listener
	once   *sync.Once
	closed chan struct{}
}

func listenSilently(context.Context, string) (net.PacketConn, net.Listener, error) {
	s := silent{once: new(sync.Once), closed: make(chan struct{})}
	return s, s, nil
}

func (s silent) ReadFrom([]byte) (int, net.Addr, error) {
	<-s.closed
	return 0, nil, net.ErrClosed
}

func (s silent) Accept() (net.Conn, error) {
	<-s.closed
	return nil, net.ErrClosed
}

func (s silent) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s silent) LocalAddr() net.Addr              { return nil }
func (s silent) SetDeadline(time.Time) error      { return nil }
func (s silent) SetReadDeadline(time.Time) error  { return nil }
func (s silent) SetWriteDeadline(time.Time) error { return nil }

// plain is an endpoint with a name, and an address that is its name server's
// too where sockets are real.
func plain(id, addr string, ports ...endpoint.Port) endpoint.Endpoint {
	return endpoint.Endpoint{
		ID: id, Name: "shop-" + id, Netns: addr, Ports: ports,
		Interfaces: []endpoint.Interface{{
			Network: "shop_default", Name: "eth0",
			Address: netip.PrefixFrom(netip.MustParseAddr(addr), 8), Names: []string{"shop-" + id, id},
		}},
	}
}

func port(target uint16, protocol, hostIP string, published uint16) endpoint.Port {
	return endpoint.Port{Port: project.Port{Target: target, Protocol: protocol, HostIP: hostIP, Published: published}}
}

// listenOn has "network namespaces" that are addresses of the loopback.
func listenOn(ctx context.Context, addr string) (net.PacketConn, net.Listener, error) {
	var config net.ListenConfig
	at := fmt.Sprintf("%s:%d", addr, DNSPort)
	packets, err := config.ListenPacket(ctx, "udp4", at)
	if err != nil {
		return nil, nil, err
	}
	streams, err := config.Listen(ctx, "tcp4", at)
	if err != nil {
		return nil, nil, errors.Join(err, packets.Close())
	}
	return packets, streams, nil
}
