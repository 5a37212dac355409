//go:build live

package networks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
	"github.com/gocompose/gocompose/project"
)

// dying is a context that ends when it has been looked at so many times: once
// for each step on the way.
type dying struct {
	context.Context
	left int
}

func (d *dying) Err() error {
	if d.left--; d.left < 0 {
		return context.Canceled
	}
	return nil
}

func (d *dying) Done() <-chan struct{} { return nil }

// Value hides the outer context from context.Cause, which would ask it instead.
func (d *dying) Value(any) any { return nil }

func TestAnAttachThatIsCancelledLeavesNothing(t *testing.T) {
	b := newBed(t)
	b.network("shop_default", "shop_back")
	before := b.links()
	for steps := 0; ; steps++ {
		_, err := b.n.Attach(&dying{t.Context(), steps}, request("web", "shop_default", "shop_back"))
		if err == nil {
			if steps < 5 {
				t.Errorf("an Attach looks at its context %d times only", steps)
			}
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at step %d: %v", steps, err)
		}
		if links := b.links(); len(links) != len(before) {
			t.Fatalf("cancelled at step %d: links %v, want %v", steps, links, before)
		}
		for _, dir := range []string{b.p.Netns(), b.p.Endpoints()} {
			if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) > 0 {
				t.Fatalf("cancelled at step %d: left %v", steps, files)
			}
		}
		if l, err := b.n.readLeases("shop_back"); err != nil || len(l.Held) > 0 {
			t.Fatalf("cancelled at step %d: addresses held: %v (%v)", steps, l.Held, err)
		}
	}
}

// A process that is killed cleans nothing up.
func TestAnAttachThatWasKilledIsCompletedByTheNext(t *testing.T) {
	b := newBed(t)
	b.network("shop_default", "shop_back")
	db := b.attach("db", "shop_back")
	b.serve(db.Netns, "tcp4", ":5432")
	addr, _ := db.Address()
	for steps := 0; ; steps++ {
		req := request(fmt.Sprintf("web-%d", steps), "shop_default", "shop_back")
		e, err := b.n.reserve(t.Context(), req)
		must(t, err)
		err = b.n.connect(&dying{t.Context(), steps}, e, req.DNSPort)
		done := err == nil
		again, err := b.n.Attach(t.Context(), req)
		must(t, err)
		if a, _ := again.Address(); a != e.Interfaces[0].Address.Addr() {
			t.Errorf("killed at step %d: address %s, then %s", steps, e.Interfaces[0].Address, a)
		}
		b.reaches(again.Netns, "tcp4", at(addr, 5432), again.Interfaces[1].Address.Addr().String())
		if done {
			return
		}
		must(t, b.n.Detach(t.Context(), req.ID))
	}
}

func TestWhatAKilledAttachLeftIsDetached(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	// Killed with an address, before there was a record.
	must(t, b.n.locked(t.Context(), recordsLock, func() error {
		r, err := b.n.read("shop_default")
		must(t, err)
		_, err = b.n.lease(r, AttachRequest{ID: "web", Name: "web"}, NetworkEndpoint{})
		return err
	}))
	// Killed between the file and the namespace.
	must(t, os.MkdirAll(b.p.Netns(), 0o700))
	must(t, os.WriteFile(filepath.Join(b.p.Netns(), "web"), nil, 0o600))
	must(t, b.n.Detach(t.Context(), "web"))
	must(t, b.n.Detach(t.Context(), "web"))
	// Killed when it had joined another, before there was a record.
	web := b.attach("web", "shop_default")
	must(t, b.n.join(&endpoint.Endpoint{ID: "side"}, web.ID))
	must(t, endpoint.Remove(b.p.Endpoints(), "side"))
	must(t, b.n.Detach(t.Context(), "side"))
}

func TestAContainerWhoseRecordIsDamagedIsDetachedAndAttachedAgain(t *testing.T) {
	b := newBed(t)
	b.network("shop_default", "shop_back")
	damage := func() {
		b.publish(b.attach("web", "shop_back", "shop_default"), "8080:80/tcp")
		must(t, os.WriteFile(filepath.Join(b.p.Endpoints(), "web.json"), []byte("{"), 0o600))
	}
	damage()
	must(t, b.n.Detach(t.Context(), "web"))
	if links := b.links(); len(links) != 2 {
		t.Errorf("links are left: %v", links)
	}
	if ms, err := b.n.rules.Published(); err != nil || len(ms) > 0 {
		t.Errorf("mapped: %v (%v)", ms, err)
	}
	damage()
	web := b.attach("web", "shop_default")
	b.serve(web.Netns, "tcp4", ":80")
	addr, _ := web.Address()
	b.reaches("", "tcp4", at(addr, 80))
}

func TestADetachedContainerLeavesNoLinkThoughItsNamespaceIsHeld(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	b.serve(web.Netns, "tcp4", ":80") // held by this socket
	must(t, b.n.Detach(t.Context(), "web"))
	if links := b.links(); len(links) != 1 {
		t.Errorf("links are left: %v", links)
	}
	again := b.attach("web", "shop_default")
	b.serve(again.Netns, "tcp4", ":81")
	addr, _ := again.Address()
	b.reaches("", "tcp4", at(addr, 81))
	b.doesNotReach("", "tcp4", at(addr, 80))
}

func TestAnAttachReplacesTheLinkOfANamespaceThatIsNoMore(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	b.serve(web.Netns, "tcp4", ":80") // holds the old namespace, and with it the link
	must(t, netns.Remove(web.Netns))
	again := b.attach("web", "shop_default")
	b.serve(again.Netns, "tcp4", ":81")
	addr, _ := again.Address()
	b.reaches("", "tcp4", at(addr, 81))
}

func TestAnAttachReplacesALinkThatWasAboutToBeRemoved(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	e := b.attach("web", "shop_default")
	h := b.handle()
	defer h.Close()
	link, err := h.LinkByName(e.Interfaces[0].HostName)
	must(t, err)
	must(t, h.LinkSetGroup(link, doomed))

	b.attach("web", "shop_default")
	must(t, removeGroup())
	if _, err := h.LinkByName(e.Interfaces[0].HostName); err != nil {
		t.Errorf("the link went with those of others: %v", err)
	}
}

// A namespace stays as long as something is bound to it anywhere: a copy of the
// mount in the mount namespace of some service must not be enough.
func TestANamespaceGoesThoughItsMountWasCopied(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	copyMounts(t)
	must(t, netns.Remove(web.Netns))
	b.eventually("the namespace is gone, and its link with it", func() bool { return len(b.links()) == 1 })
}

func TestRestoreMakesWhatIsGone(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	b.serve(web.Netns, "tcp4", ":80")
	b.publish(web, "8080:80/tcp")
	gateway := web.Interfaces[0].Gateway.String()
	for name, harm := range map[string]func(){
		"nothing":             func() {},
		"the ruleset flushed": func() { must(t, b.n.rules.Remove()) },
		"the bridge removed":  func() { must(t, removeLink(b.n.bridgeName("shop_default"))) },
	} {
		harm()
		must(t, b.n.Restore(t.Context()))
		t.Log(name)
		b.reaches(b.lan, "tcp4", hostIP+":8080", lanIP)
		b.reaches("", "tcp4", "127.0.0.1:8080", gateway)
	}
}

func TestPublishMakesARulesetThatIsGone(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	b.serve(web.Netns, "tcp4", ":80")
	must(t, b.n.rules.Remove())
	b.publish(web, "8080:80/tcp")
	b.reaches(b.lan, "tcp4", hostIP+":8080")
}

func TestAfterARebootAnAttachMakesTheBridge(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	before, _, err := b.n.Get(t.Context(), "shop_default")
	must(t, err)
	must(t, removeLink(before.Link))
	must(t, b.n.rules.Remove())
	must(t, os.RemoveAll(b.p.State))
	web := b.attach("web", "shop_default")
	b.serve(b.lan, "tcp4", ":7000")
	b.reaches(web.Netns, "tcp4", lanIP+":7000", hostIP)
	must(t, b.n.CreateNetwork(t.Context(), project.Network{Name: "shop_default"}))
	after, _, err := b.n.Get(t.Context(), "shop_default")
	must(t, err)
	if after.Pools[0].Subnet != before.Pools[0].Subnet || !after.CreatedAt.Equal(before.CreatedAt) {
		t.Errorf("the network was %+v and is %+v", before, after)
	}
}

func TestANetworkInUseIsNotRemoved(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	b.attach("web", "shop_default")
	err := b.n.RemoveNetwork(t.Context(), project.Network{Name: "shop_default"})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "web") {
		t.Errorf("RemoveNetwork: %v, want that web uses it", err)
	}
	must(t, b.n.Detach(t.Context(), "web"))
	for range 2 {
		must(t, b.n.RemoveNetwork(t.Context(), project.Network{Name: "shop_default"}))
	}
	if _, ok, err := b.n.Get(t.Context(), "shop_default"); ok || err != nil {
		t.Errorf("the network is there (%v)", err)
	}
}

func TestAttachToNoNetworkOfThatNameLeavesNothing(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	_, err := b.n.Attach(t.Context(), request("web", "shop_default", "nowhere"))
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), `"nowhere"`) {
		t.Errorf("Attach: %v, want that there is no network nowhere", err)
	}
	if _, err := endpoint.Read(b.p.Endpoints(), "web"); !errors.Is(err, endpoint.ErrNotFound) {
		t.Errorf("a record is left (%v)", err)
	}
}

func TestAnAttachWithOtherNetworksReplacesTheOldOne(t *testing.T) {
	b := newBed(t)
	b.network("shop_default", "shop_back")
	b.attach("web", "shop_default", "shop_back")
	web := b.attach("web", "shop_back")
	if len(web.Interfaces) != 1 || len(b.links()) != 3 {
		t.Errorf("interfaces %v, links %v", web.Interfaces, b.links())
	}
	if l, err := b.n.readLeases("shop_default"); err != nil || len(l.Held) > 0 {
		t.Errorf("addresses held in the network it left: %v (%v)", l.Held, err)
	}
}

func TestCreateNetworkByManyAtOnceMakesSubnetsApart(t *testing.T) {
	b := newBed(t)
	var names []string
	for i := range 8 {
		names = append(names, fmt.Sprintf("p%d_default", i))
	}
	b.parallel(2*len(names), func(i int) error {
		n, err := Open(b.p)
		if err != nil {
			return err
		}
		return errors.Join(n.CreateNetwork(t.Context(), project.Network{Name: names[i%len(names)]}), n.Close())
	})
	b.network(names...)
	rs, err := b.n.List(t.Context())
	if err != nil || len(rs) != len(names) {
		t.Fatalf("networks: %v (%v)", rs, err)
	}
	for i, r := range rs {
		for _, o := range rs[:i] {
			if r.Pools[0].Subnet.Overlaps(o.Pools[0].Subnet) {
				t.Errorf("%s and %s overlap", r.Name, o.Name)
			}
		}
	}
}
