package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/supervisor/relay"
)

// sockets are the host ports that are held for containers: each is bound once,
// however many containers of a service have it.
type sockets struct {
	open func(ctx context.Context, p hostPort, to *relay.Targets) (bound closers, number uint16, err error)

	mu  sync.Mutex
	all map[hostPort]*shared
}

func newSockets() *sockets { return &sockets{open: openPort, all: map[hostPort]*shared{}} }

// shared is one of these ports. Until its last claim is closed it stays bound.
type shared struct {
	bound   closers
	targets relay.Targets
	claims  []*claim // at least one; more only of one service
}

type service struct{ project, name string }

// claim is a container's part in a host port. What comes there and the kernel
// does not translate is spread over the claims.
type claim struct {
	of      *sockets
	port    hostPort
	service service // zero: it shares the port with nobody
	id      string  // of the container, as is
	name    string
	to      netip.AddrPort // in the container
	target  *relay.Target
}

// rest has nothing new come to the container while others have the port too, or
// not any more.
func (c *claim) rest(resting bool) { c.target.Rest(resting) }

// Close gives the claim up: what was passed on to the container ends.
func (c *claim) Close() error { return c.of.give(c) }

// claim gets port i of the container a number on the host. Those of one service
// share a port that is fixed; for all others who ask for one that somebody has
// it is a PortTakenError.
func (s *sockets) claim(ctx context.Context, e endpoint.Endpoint, i int) (*claim, error) {
	p := e.Ports[i]
	addr, ok := e.Address()
	if !ok {
		return nil, fmt.Errorf("publishing port %s: container %s is on no network", p, e.Name)
	}
	port, err := askedFor(p)
	if err != nil {
		return nil, err
	}
	c := &claim{of: s, port: port, id: e.ID, name: e.Name, to: netip.AddrPortFrom(addr, p.Target)}
	if p.Fixed() && e.Project != "" && e.Service != "" {
		c.service = service{e.Project, e.Service}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var taken *PortTakenError
	for number := range numbers(p) {
		c.port.number = number
		err := s.bind(ctx, c, e.Resting)
		if err == nil {
			return c, nil
		}
		if !errors.As(err, &taken) {
			return nil, err
		}
	}
	if p.HostPort == 0 && p.PublishedEnd != 0 {
		taken = &PortTakenError{Address: taken.Address, Port: p.Published, End: p.PublishedEnd, Protocol: p.Protocol}
	}
	return nil, taken
}

// bind gives c the port that it asks for, which it may share or which nobody
// has. The caller has the mutex.
func (s *sockets) bind(ctx context.Context, c *claim, resting bool) error {
	if sh := s.all[c.port]; sh != nil && sh.admits(c) {
		sh.join(c, resting)
		return nil
	}
	if err := s.free(c.port); err != nil {
		return err
	}
	sh := new(shared)
	sh.join(c, resting) // who connects at once finds it
	bound, number, err := s.open(ctx, c.port, &sh.targets)
	if err != nil {
		return err
	}
	if c.port.number == 0 {
		got := c.port
		got.number = number
		if err := s.free(got); err != nil { // of a protocol of which nothing is bound
			return errors.Join(err, bound.Close())
		}
		c.port = got
	}
	sh.bound = bound
	s.all[c.port] = sh
	return nil
}

// free fails when one of our containers has the port, or a part of it.
func (s *sockets) free(port hostPort) error {
	if port.number == 0 {
		return nil
	}
	for other, sh := range s.all {
		if other.overlaps(port) {
			return port.taken(sh.claims[0].name)
		}
	}
	return nil
}

// admits says whether c may have the port too: it is of the same service, and
// has no part in it yet.
func (sh *shared) admits(c *claim) bool {
	first := sh.claims[0]
	return c.service != (service{}) && c.service == first.service &&
		!slices.ContainsFunc(sh.claims, func(other *claim) bool { return other.id == c.id })
}

func (sh *shared) join(c *claim, resting bool) {
	sh.claims = append(sh.claims, c)
	c.target = sh.targets.Add(c.to, resting)
}

// give takes a claim back, and frees the port when it was the last one.
func (s *sockets) give(c *claim) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.all[c.port]
	sh.claims = slices.DeleteFunc(sh.claims, func(other *claim) bool { return other == c })
	var err error
	if len(sh.claims) == 0 {
		delete(s.all, c.port)
		err = sh.bound.Close()
	}
	c.target.Close()
	return err
}
