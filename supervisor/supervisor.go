// Package supervisor keeps what runs running: one process a host that answers
// names, holds published ports, and cleans up behind containers that end.
//
// It holds no truth of its own. What it serves is in the endpoint records, what
// runs is asked of the runtime; killed at any time, the next one goes on.
package supervisor

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/gocompose/gocompose/dns"
	"github.com/gocompose/gocompose/internal/paths"
)

// DNSPort is where, on 127.0.0.11 in each container's network namespace, names
// are answered, by UDP and TCP. It is always the same, so that a new supervisor
// finds the redirection from port 53 right, and neither in the range of
// ephemeral ports (ip_local_port_range) nor one that programs are known to use.
const DNSPort = 61053

// Defaults of Config.
const (
	DefaultIdleAfter  = 5 * time.Second
	DefaultStartGrace = time.Minute
)

// Config says what a supervisor works with.
type Config struct {
	Paths   paths.Paths // required
	Runtime Runtime     // required
	Version string      // told to who asks
	// Cgroup is where the process moves to, from the root of each hierarchy, so
	// that it does not end with its starter's session: "/" leaves nothing to be
	// removed after it. Empty: it stays where it is.
	Cgroup string
	// IdleAfter is how long nothing has to be needed of the supervisor for it to
	// leave. Default: DefaultIdleAfter.
	IdleAfter time.Duration
	// StartGrace is how long after a container's endpoint was asked to be held
	// its process may be missing. Default: DefaultStartGrace.
	StartGrace time.Duration
	// Log gets one line a problem that comes or goes. Default: standard error.
	Log io.Writer
	// Upstreams returns the host's name servers. Default: those of
	// /etc/resolv.conf.
	Upstreams func() ([]netip.AddrPort, error)
	// ListenDNS opens the sockets of a container's name server. Default: on
	// DNSPort of 127.0.0.11 in the network namespace at the path.
	ListenDNS func(ctx context.Context, netns string) (net.PacketConn, net.Listener, error)
}

func (c Config) withDefaults() Config {
	if c.IdleAfter == 0 {
		c.IdleAfter = DefaultIdleAfter
	}
	if c.StartGrace == 0 {
		c.StartGrace = DefaultStartGrace
	}
	if c.Log == nil {
		c.Log = defaultLog()
	}
	if c.Upstreams == nil {
		c.Upstreams = dns.NewResolvConf("/etc/resolv.conf").Servers
	}
	if c.ListenDNS == nil {
		c.ListenDNS = listenDNS
	}
	return c
}

// errLeaving: nothing is left to do.
var errLeaving = errors.New("the supervisor is leaving")

// supervisor is the running one.
type supervisor struct {
	cfg     Config
	names   names
	started time.Time
	report  *report
	wake    chan struct{}  // something changed that the watching may care for
	work    sync.WaitGroup // of clean-ups and retries

	mu          sync.Mutex
	containers  map[string]*container
	connections int
	leaving     bool
}

func newSupervisor(cfg Config) *supervisor {
	return &supervisor{
		cfg: cfg,
		names: names{
			table:     dns.NewTable(),
			forwarder: dns.NewForwarder(cfg.Upstreams),
			listen:    cfg.ListenDNS,
		},
		started:    time.Now(),
		report:     newReport(slog.New(slog.NewTextHandler(cfg.Log, nil))),
		wake:       make(chan struct{}, 1),
		containers: map[string]*container{},
	}
}

// with calls one or more events of the container. It is the only way to one:
// nobody else acts on it meanwhile, and it is forgotten when it is absent.
func (s *supervisor) with(id string, event func(*container)) {
	for {
		s.mu.Lock()
		c := s.containers[id]
		if c == nil {
			c = &container{}
			s.containers[id] = c
		}
		s.mu.Unlock()
		if s.on(id, c, event) {
			return
		}
	}
}

func (s *supervisor) on(id string, c *container, event func(*container)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return false
	}
	was := c.run
	event(c)
	if c.phase == absent {
		c.gone = true
		s.mu.Lock()
		delete(s.containers, id)
		s.mu.Unlock()
	}
	if c.run != was {
		s.changed()
	}
	return true
}

// each calls look for every container that is known, in no order.
func (s *supervisor) each(look func(id string, c *container)) {
	for _, id := range s.known() {
		s.mu.Lock()
		c := s.containers[id]
		s.mu.Unlock()
		if c == nil {
			continue
		}
		c.mu.Lock()
		look(id, c)
		c.mu.Unlock()
	}
}

// known returns the IDs of the containers that are in some phase.
func (s *supervisor) known() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, 0, len(s.containers))
	for id := range s.containers {
		ids = append(ids, id)
	}
	return ids
}

// changed has the watching look again.
func (s *supervisor) changed() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// busy says whether somebody needs the supervisor.
func (s *supervisor) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.containers) > 0 || s.connections > 0
}

// leave decides, once for all, that the supervisor ends, unless somebody has
// come to need it.
func (s *supervisor) leave() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = len(s.containers) == 0 && s.connections == 0
	return s.leaving
}

// closeAll lets go of everything that is held, and holds nothing any more. The
// containers go on.
func (s *supervisor) closeAll() {
	s.mu.Lock()
	s.leaving = true
	s.mu.Unlock()
	for _, id := range s.known() {
		s.with(id, (*container).released)
	}
}
