package dns

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// rememberFor is how long the order of name servers stays changed after one of
// them was silent: then one query finds out whether it still is.
const rememberFor = 5 * time.Second

// memory is of who answered while servers before it in the list were silent, so
// that not every query waits for these.
type memory struct {
	mu     sync.Mutex
	listed []netip.AddrPort // another list is another matter
	best   netip.AddrPort
	until  time.Time
}

// order returns the servers in the order in which to ask them at the time now.
// When what is remembered is old, one query asks them as they are listed, and
// the others need not wait for what becomes of it.
func (m *memory) order(servers []netip.AddrPort, now time.Time) []netip.AddrPort {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Equal(m.listed, servers) {
		m.listed, m.best = servers, netip.AddrPort{}
	}
	i := slices.Index(servers, m.best)
	if i <= 0 {
		return servers
	}
	if !now.Before(m.until) {
		m.until = now.Add(rememberFor)
		return servers
	}
	ordered := append([]netip.AddrPort{m.best}, servers[:i]...)
	return append(ordered, servers[i+1:]...)
}

// answered notes that a server answered: the first of the list, or one after
// others that were silent.
func (m *memory) answered(server netip.AddrPort, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.best != server {
		m.best, m.until = server, now.Add(rememberFor)
	}
}
