package main

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/moby/buildkit/util/leaseutil"
)

// manager is leases in memory. While it is held, nothing is ended.
type manager struct {
	leases.Manager

	mu   sync.Mutex
	all  map[string]leases.Lease
	made int
	hold sync.RWMutex
}

func (m *manager) Create(_ context.Context, opts ...leases.Opt) (leases.Lease, error) {
	var l leases.Lease
	for _, o := range opts {
		if err := o(&l); err != nil {
			return l, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made++
	if _, ok := m.all[l.ID]; ok {
		return l, fmt.Errorf("lease %s is there already", l.ID)
	}
	m.all[l.ID] = l
	return l, nil
}

func (m *manager) Delete(_ context.Context, l leases.Lease, _ ...leases.DeleteOpt) error {
	m.hold.RLock()
	defer m.hold.RUnlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.all[l.ID]; !ok {
		return fmt.Errorf("lease %s was ended before", l.ID)
	}
	delete(m.all, l.ID)
	return nil
}

func (m *manager) has(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.all[id]
	return ok
}

func pooled() (*manager, *leasePool, context.Context) {
	m := &manager{all: map[string]leases.Lease{}}
	return m, newLeasePool(m, "ours"), namespaces.WithNamespace(context.Background(), "ours")
}

func TestTemporaryLeasesAreThereBeforeTheyAreAskedFor(t *testing.T) {
	m, p, ctx := pooled()
	seen := map[string]bool{}
	for range 100 {
		l, err := p.Create(ctx, leases.WithRandomID(), leases.WithExpiration(time.Hour), leaseutil.MakeTemporary)
		if err != nil {
			t.Fatal(err)
		}
		if seen[l.ID] || !m.has(l.ID) || l.Labels[temporaryLabel] == "" || l.Labels["containerd.io/gc.expire"] == "" {
			t.Fatalf("lease %+v", l)
		}
		seen[l.ID] = true
		if err := p.Delete(ctx, l); err != nil {
			t.Fatal(err)
		}
		p.settle()
		if m.has(l.ID) || len(p.ready) == 0 {
			t.Fatalf("it is still there: %v; %d wait", m.has(l.ID), len(p.ready))
		}
	}
	if p.close(); len(m.all) > 0 {
		t.Errorf("at the end there are %v", m.all)
	}
}

func TestTheEndOfATemporaryLeaseIsNotWaitedForUnlessItIsAskedFor(t *testing.T) {
	m, p, ctx := pooled()
	l, err := p.Create(ctx, leases.WithRandomID(), leaseutil.MakeTemporary)
	if err != nil {
		t.Fatal(err)
	}
	m.hold.Lock()
	if err := p.Delete(ctx, l); err != nil {
		t.Fatal(err)
	}
	if !m.has(l.ID) {
		t.Error("it has ended while that was held up")
	}
	m.hold.Unlock()
	p.settle()
	again, err := p.Create(ctx, leases.WithRandomID(), leaseutil.MakeTemporary)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Delete(ctx, again, leases.SynchronousDelete); err != nil || m.has(l.ID) || m.has(again.ID) {
		t.Errorf("%v, they are there: %v, %v", err, m.has(l.ID), m.has(again.ID))
	}
}

func TestOtherLeasesAreMadeAndEndedAtOnce(t *testing.T) {
	m, p, ctx := pooled()
	for _, c := range []struct {
		ctx  context.Context
		opts []leases.Opt
	}{
		{ctx, []leases.Opt{leases.WithID("a"), leases.WithLabel("containerd.io/gc.flat", "now")}},
		{ctx, []leases.Opt{leases.WithID("a"), leaseutil.MakeTemporary}},
		{namespaces.WithNamespace(ctx, "ours_history"), []leases.Opt{leases.WithID("a"), leaseutil.MakeTemporary}},
	} {
		l, err := p.Create(c.ctx, c.opts...)
		if err != nil || l.ID != "a" {
			t.Fatal(l, err)
		}
		if err := p.Delete(c.ctx, l); err != nil || m.has(l.ID) {
			t.Errorf("%v, it is there: %v", err, m.has(l.ID))
		}
	}
	if m.made != 3 || len(p.ready) > 0 {
		t.Errorf("%d were made, %d wait", m.made, len(p.ready))
	}
}

func TestALeaseThatHasWaitedForLongIsNotGivenOut(t *testing.T) {
	m, p, ctx := pooled()
	old, err := p.make(ctx)
	if err != nil {
		t.Fatal(err)
	}
	old.CreatedAt = time.Now().Add(-readyTime)
	p.ready <- old
	l, err := p.Create(ctx, leases.WithRandomID(), leaseutil.MakeTemporary)
	if p.settle(); err != nil || l.ID == old.ID || m.has(old.ID) {
		t.Errorf("%v, it is %s; the old one, %s, is there: %v", err, l.ID, old.ID, m.has(old.ID))
	}
}
