package supervisor

import (
	"cmp"
	"slices"
	"sync"
)

// readers are those who follow what changes. None of them keeps anybody
// waiting: of each container a reader finds the latest status only.
type readers struct {
	mu  sync.Mutex
	all map[*reader]struct{}
}

// reader is one of them.
type reader struct {
	id    string        // of the only container it cares for; empty: all
	ready chan struct{} // gets something when there is something to take

	mu      sync.Mutex
	pending map[string]ContainerStatus
}

// join returns a reader that is told from now on; leave it in the end.
func (rs *readers) join(id string) *reader {
	r := &reader{id: id, ready: make(chan struct{}, 1), pending: map[string]ContainerStatus{}}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.all == nil {
		rs.all = map[*reader]struct{}{}
	}
	rs.all[r] = struct{}{}
	return r
}

func (rs *readers) leave(r *reader) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	delete(rs.all, r)
}

// tell passes on how the container is, whose lock the caller has: so what
// comes last is the latest.
func (rs *readers) tell(c *container) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for r := range rs.all {
		if r.id == "" || r.id == c.id {
			r.put(c.status())
		}
	}
}

func (r *reader) put(s ContainerStatus) {
	r.mu.Lock()
	r.pending[s.ID] = s
	r.mu.Unlock()
	select {
	case r.ready <- struct{}{}:
	default:
	}
}

// take returns what has changed since the last time, sorted by ID.
func (r *reader) take() []ContainerStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]ContainerStatus, 0, len(r.pending))
	for _, s := range r.pending {
		all = append(all, s)
	}
	clear(r.pending)
	slices.SortFunc(all, func(a, b ContainerStatus) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
