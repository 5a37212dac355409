// Package supervisor keeps what runs running: one process a host that answers
// names, holds published ports, checks the health of containers, cleans up behind
// those that end, and starts again those that are to be kept running.
//
// It holds no truth of its own. What it serves is in the endpoint records, what
// the user wants in those of package keep, what runs is asked of the runtime;
// killed at any time, the next one goes on.
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
	"github.com/gocompose/gocompose/networks/ports"
	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/supervisor/keep"
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
	// Listening says whether programs in a network namespace take connections to
	// all of the TCP ports. Default: ports.Listening.
	Listening func(netns string, tcp []uint16) (bool, error)
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
	if c.Listening == nil {
		c.Listening = ports.Listening
	}
	return c
}

// errLeaving: nothing is left to do.
var errLeaving = errors.New("the supervisor is leaving")

// supervisor is the running one.
type supervisor struct {
	cfg     Config
	names   names
	records records
	started time.Time
	report  *report
	readers readers
	wake    chan struct{}  // something changed that the watching may care for
	work    sync.WaitGroup // of tasks, probes and retries
	synced  chan struct{}  // closed when the engine has been asked what runs

	mu          sync.Mutex
	containers  map[string]*container
	past        map[string]past // of containers that are absent
	runs        int             // the number of the last run
	asked       asked
	next        time.Time // when a container is due, if any is; may be too early
	due         bool
	probing     int          // how many probes were begun just now
	urgent      []*container // those whose turn it is when one of these is over,
	unprobed    []*container // first and then
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
			sockets:   newSockets(),
		},
		records:    records{keep.In(cfg.Paths.Kept()), health.In(cfg.Paths.Health())},
		started:    time.Now(),
		report:     newReport(slog.New(slog.NewTextHandler(cfg.Log, nil))),
		wake:       make(chan struct{}, 1),
		synced:     make(chan struct{}),
		containers: map[string]*container{},
		past:       map[string]past{},
		asked:      asked{},
	}
}

// past is what stays known of a container that is absent: so its last run is
// not taken for another one.
type past struct {
	runs     int
	started  time.Time
	exited   time.Time
	exitCode int
}

// with calls one or more events of the container. It is the only way to one:
// nobody else acts on it meanwhile, and it is forgotten when it is absent.
func (s *supervisor) with(id string, event func(*container)) {
	for {
		s.mu.Lock()
		c := s.containers[id]
		if c == nil {
			p := s.past[id]
			c = &container{
				id: id, number: s.nextRun, phase: PhaseAbsent,
				runs: p.runs, startedAt: p.started, exitedAt: p.exited, exitCode: p.exitCode,
			}
			c.published = c.summary()
			s.containers[id] = c
		}
		s.mu.Unlock()
		if s.on(c, event) {
			return
		}
	}
}

// on is with, of a container that is known already: it reports false when that
// has been absent meanwhile, and does nothing.
func (s *supervisor) on(c *container, event func(*container)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return false
	}
	was := c.changes
	event(c)
	if now := c.summary(); now != c.published {
		c.published = now
		s.readers.tell(c)
	}
	if s.schedule(c) {
		s.forget(c)
	}
	if c.changes != was {
		s.changed()
	}
	return true
}

// schedule notes when the container is due. It reports whether one that is
// absent is to be forgotten.
func (s *supervisor) schedule(c *container) (absent bool) {
	at, due := c.nextDue(s.cfg.StartGrace)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.phase == PhaseAbsent {
		c.gone = true
		delete(s.containers, c.id)
		if c.runs > 0 {
			s.past[c.id] = past{c.runs, c.startedAt, c.exitedAt, c.exitCode}
		}
	}
	c.attend, c.due = at, due
	if due && (!s.due || at.Before(s.next)) {
		s.next, s.due = at, true
		s.changed()
	}
	return c.gone && !s.leaving
}

// forget removes what is left of a container that has become absent.
func (s *supervisor) forget(c *container) {
	for _, doing := range []string{cleaning, restarts, stops, probes, looks, sharing} {
		s.report.set(doing+c.id, nil)
	}
	if c.info.Health != nil || c.info.ID == "" { // or it has gone unseen
		s.report.set(probes+c.id, s.records.health.Remove(c.id))
	}
}

func (s *supervisor) nextRun() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	return s.runs
}

// each calls look for every container that is known, in no order.
func (s *supervisor) each(look func(c *container)) {
	for _, c := range s.known() {
		c.mu.Lock()
		if !c.gone {
			look(c)
		}
		c.mu.Unlock()
	}
}

// known returns the containers that are in some phase.
func (s *supervisor) known() []*container {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*container, 0, len(s.containers))
	for _, c := range s.containers {
		all = append(all, c)
	}
	return all
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
	for _, c := range s.known() {
		s.on(c, (*container).close)
	}
}
