package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/moby/buildkit/util/leaseutil"
)

// temporaryLabel is on leases that BuildKit has for as long as it works on something.
const temporaryLabel = "buildkit/lease.temporary"

// leasePool is containerd's leases, of which BuildKit need not wait for temporary ones: some
// are there before it asks, and it goes on while one is ended. Each step of a build has about
// three, and each costs two writes that the disk has to confirm.
type leasePool struct {
	leases.Manager

	namespace string
	ready     chan leases.Lease

	mu        sync.Mutex
	temporary map[string]bool
	closed    bool
	work      int        // what is done on which nobody waits, except who collects garbage
	settled   *sync.Cond // of the mutex: there is no work
}

const (
	// readyLeases is how many wait. Steps that run side by side rarely need more at once.
	readyLeases = 4
	// readyTime is how long one may wait: BuildKit has them end by themselves after an hour.
	readyTime = 10 * time.Minute
	// workTime is for what nobody waits for: a containerd that does not answer is told of by
	// others.
	workTime = 10 * time.Second
)

func newLeasePool(m leases.Manager, namespace string) *leasePool {
	p := &leasePool{Manager: m, namespace: namespace, ready: make(chan leases.Lease, readyLeases), temporary: map[string]bool{}}
	p.settled = sync.NewCond(&p.mu)
	return p
}

func (p *leasePool) Create(ctx context.Context, opts ...leases.Opt) (leases.Lease, error) {
	if ns, _ := namespaces.Namespace(ctx); ns != p.namespace || !isTemporary(opts) {
		return p.Manager.Create(ctx, opts...)
	}
	defer p.background(p.fill)
	for {
		select {
		case l := <-p.ready:
			if time.Since(l.CreatedAt) < readyTime {
				return l, nil
			}
			p.background(func(ctx context.Context) { p.end(ctx, l) })
		default:
			return p.make(ctx)
		}
	}
}

// isTemporary tells whether a lease is to be a temporary one of any name: asked twice, a
// random one is another.
func isTemporary(opts []leases.Opt) bool {
	var l, again leases.Lease
	for _, o := range opts {
		if err := errors.Join(o(&l), o(&again)); err != nil {
			return false // as the manager says
		}
	}
	return l.Labels[temporaryLabel] != "" && l.ID != again.ID
}

// make makes a temporary lease as BuildKit does.
func (p *leasePool) make(ctx context.Context) (leases.Lease, error) {
	l, err := p.Manager.Create(ctx, leases.WithRandomID(), leases.WithExpiration(time.Hour), leaseutil.MakeTemporary)
	if err != nil {
		return l, err
	}
	l.CreatedAt = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.temporary[l.ID] = true
	return l, nil
}

// fill makes one that waits, if too few do.
func (p *leasePool) fill(ctx context.Context) {
	if len(p.ready) == cap(p.ready) {
		return
	}
	l, err := p.make(ctx)
	if err != nil {
		return // who asks for one tries again, and says
	}
	select {
	case p.ready <- l:
	default:
		p.end(ctx, l)
	}
}

// end ends a lease. One that cannot be ended ends by itself.
func (p *leasePool) end(ctx context.Context, l leases.Lease) {
	p.mu.Lock()
	delete(p.temporary, l.ID)
	p.mu.Unlock()
	_ = p.Manager.Delete(ctx, l)
}

func (p *leasePool) Delete(ctx context.Context, l leases.Lease, opts ...leases.DeleteOpt) error {
	p.mu.Lock()
	later := p.temporary[l.ID] && len(opts) == 0
	delete(p.temporary, l.ID)
	p.mu.Unlock()
	if later && p.background(func(ctx context.Context) { p.end(ctx, l) }) {
		return nil
	}
	return p.Manager.Delete(ctx, l, opts...)
}

// background does something on which nobody waits; not after the end.
func (p *leasePool) background(do func(ctx context.Context)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.work++
	go func() {
		ctx, cancel := context.WithTimeout(namespaces.WithNamespace(context.Background(), p.namespace), workTime)
		defer cancel()
		do(ctx)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.work--; p.work == 0 {
			p.settled.Broadcast()
		}
	}()
	return true
}

// settle returns when nothing is done in the background: what was ended so far has ended.
func (p *leasePool) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.work > 0 {
		p.settled.Wait()
	}
}

// close ends those that wait.
func (p *leasePool) close() {
	for done := false; !done; {
		select {
		case l := <-p.ready:
			p.background(func(ctx context.Context) { p.end(ctx, l) })
		default:
			done = true
		}
	}
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.settle()
}
