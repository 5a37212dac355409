//go:build live

package networks

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gocompose/gocompose/networks/endpoint"
)

func TestFiftyContainersAtOnce(t *testing.T) {
	b := newBed(t)
	b.network("shop_default", "shop_back")
	const count = 50
	seen := map[string]string{}
	var mu sync.Mutex
	began := time.Now()
	b.parallel(count, func(i int) error {
		// Each as if it were a process of its own.
		n, err := Open(b.p)
		if err != nil {
			return err
		}
		e, err := n.Attach(t.Context(), request(fmt.Sprintf("web-%d", i), "shop_default"))
		if err != nil {
			return err
		}
		e.Ports = []endpoint.Port{testPort(t, fmt.Sprintf("%d:80/tcp", 8000+i))}
		if err := n.Publish(t.Context(), e); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		addr, _ := e.Address()
		if other, ok := seen[addr.String()]; ok {
			t.Errorf("%s and %s have the address %s", e.ID, other, addr)
		}
		seen[addr.String()] = e.ID
		return nil
	})
	t.Logf("attach and publish: %v each", time.Since(began)/count)
	if links := b.links(); len(links) != count+2 {
		t.Errorf("%d links, want %d and 2 bridges", len(links), count)
	}
	began = time.Now()
	b.parallel(count, func(i int) error { return b.n.Detach(t.Context(), fmt.Sprintf("web-%d", i)) })
	t.Logf("detach: %v each", time.Since(began)/count)
	if links := b.links(); len(links) != 2 {
		t.Errorf("links are left: %v", links)
	}
	if ms, err := b.n.rules.Published(); err != nil || len(ms) > 0 {
		t.Errorf("ports are left: %v (%v)", ms, err)
	}
}

// parallel calls do with 0 to count-1, four at a time.
func (b *bed) parallel(count int, do func(i int) error) {
	b.t.Helper()
	var g errgroup.Group
	g.SetLimit(4)
	for i := range count {
		g.Go(func() error { return do(i) })
	}
	must(b.t, g.Wait())
}
