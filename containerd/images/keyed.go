package images

import (
	"context"
	"sync"
)

// locks are locks by name, held by whoever works on that name. containerd's
// unpacker takes them for layers and snapshots.
type locks struct {
	mu   sync.Mutex
	held map[string]*lock
}

type lock struct {
	users int           // who holds it and who waits
	free  chan struct{} // has a token while nobody holds it
}

func newLocks() *locks { return &locks{held: map[string]*lock{}} }

func (l *locks) Lock(ctx context.Context, name string) error {
	l.mu.Lock()
	k := l.held[name]
	if k == nil {
		k = &lock{free: make(chan struct{}, 1)}
		k.free <- struct{}{}
		l.held[name] = k
	}
	k.users++
	l.mu.Unlock()
	select {
	case <-k.free:
		return nil
	case <-ctx.Done():
		l.drop(name)
		return context.Cause(ctx)
	}
}

func (l *locks) Unlock(name string) {
	l.mu.Lock()
	k := l.held[name]
	l.mu.Unlock()
	k.free <- struct{}{}
	l.drop(name)
}

func (l *locks) drop(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.held[name]
	if k.users--; k.users == 0 {
		delete(l.held, name)
	}
}
