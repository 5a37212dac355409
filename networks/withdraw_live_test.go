//go:build live

package networks

import (
	"testing"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
)

func (b *bed) replica(id string) endpoint.Endpoint {
	b.t.Helper()
	req := request(id, "shop_default")
	req.Service = "web"
	e, err := b.n.Attach(b.t.Context(), req)
	must(b.t, err)
	return e
}

// One that comes is written down before it is mapped. Who goes at that moment
// must see it, or stays mapped until its end.
func TestAReplicaThatGoesWhileAnotherBeginsToTakePartIsMappedNoMore(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	old := b.publish(b.replica("old"), "8080:80/tcp")
	fresh := b.replica("fresh")
	fresh.Resting = true
	b.publish(fresh, "8080:80/tcp")
	began, withdrawn := make(chan struct{}), make(chan error, 1)
	must(t, b.n.locked(t.Context(), rulesLock, func() error {
		// What Rest does first, and is overtaken there.
		fresh, err := endpoint.Read(b.p.Endpoints(), fresh.ID)
		must(t, err)
		fresh.Resting = false
		must(t, endpoint.Rewrite(b.p.Endpoints(), fresh))
		go func() {
			close(began)
			withdrawn <- b.n.Withdraw(t.Context(), old.ID)
		}()
		<-began
		select {
		case err := <-withdrawn:
			t.Errorf("it did not wait (%v)", err)
			withdrawn <- nil
		case <-time.After(impatience):
		}
		have, err := b.n.mapped()
		must(t, err)
		_, err = b.n.rebalance(fresh, have)
		return err
	}))
	must(t, <-withdrawn)
	have, err := b.n.mapped()
	must(t, err)
	for key, to := range have {
		if left := without(to, old); len(left) != 1 || len(to) != 1 {
			t.Errorf("%s leads to %v", key, to)
		}
	}
}
