//go:build live

package networks

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
	"github.com/gocompose/gocompose/project"
)

// step returns a namespace of a step, as buildkitd makes it, and its interface.
func (b *bed) step(id string) (path string, i endpoint.Interface) {
	b.t.Helper()
	path = filepath.Join(b.stepFolder(), id)
	must(b.t, netns.Create(path, func() error { return nil }))
	i, err := b.n.ConnectStep(b.t.Context(), id, path)
	must(b.t, err)
	return path, i
}

func (b *bed) stepFolder() string { return filepath.Join(filepath.Dir(b.lan), "steps") }
func (b *bed) allSteps() string   { return filepath.Join(b.stepFolder(), "*") }

func TestStepsReachTheWorldAndNoOtherContainer(t *testing.T) { eachBridgeFilter(t, stepsReach) }

func stepsReach(b *bed) {
	b.network("shop")
	web := b.publish(b.attach("web", "shop"), "8080:80/tcp")
	one, first := b.step("one")
	two, second := b.step("two")
	defer func() {
		must(b.t, b.n.RemoveSteps(context.Background(), b.allSteps()))
		if left, err := filepath.Glob(filepath.Join(b.stepFolder(), "*")); err != nil || len(left) > 0 {
			b.t.Errorf("namespaces are left: %v, %v", left, err)
		}
	}()
	b.serve(web.Netns, "tcp4", ":80")
	b.serve(b.lan, "tcp4", ":90")
	b.serve(two, "tcp4", ":70")
	b.reaches(one, "tcp4", at(lanIP, 90), hostIP)
	b.reaches(one, "tcp4", at(hostIP, 8080))
	gateway, err := b.n.StepsGateway(b.t.Context())
	must(b.t, err)
	b.reaches(one, "tcp4", at(gateway.String(), 8080))
	b.doesNotReach(one, "tcp4", at(web.Interfaces[0].Address.Addr(), 80))
	b.doesNotReach(web.Netns, "tcp4", at(second.Address.Addr(), 70))
	b.doesNotReach(one, "tcp4", at(second.Address.Addr(), 70))
	b.doesNotReach(b.lan, "tcp4", at(second.Address.Addr(), 70))
	b.reaches("", "tcp4", at(second.Address.Addr(), 70))

	// One that has gone leaves its address, and the others alone.
	must(b.t, b.n.DisconnectStep(b.t.Context(), "one"))
	must(b.t, b.n.DisconnectStep(b.t.Context(), "one"))
	must(b.t, netns.Remove(one))
	b.reaches(two, "tcp4", at(lanIP, 90), hostIP)
	l, err := b.n.readLeases(stepsNetwork().Name)
	if _, held := l.Held[first.Address.Addr()]; err != nil || held || len(l.Held) != 1 || len(l.Before) != 1 {
		b.t.Errorf("addresses %+v, %v", l, err)
	}
}

func TestTheNetworkOfStepsIsNobodyElses(t *testing.T) {
	b := newBed(t)
	b.network("shop")
	b.step("one")
	defer func() { must(t, b.n.RemoveSteps(context.Background(), b.allSteps())) }()
	all, err := b.n.List(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != "shop" {
		t.Errorf("listed: %+v, %v", all, err)
	}
	if err := b.n.RemoveNetwork(t.Context(), project.Network{Name: stepsNetwork().Name}); !errors.Is(err, ErrInUse) {
		t.Errorf("while it is used, removing it says %v", err)
	}
}

func TestAStepThatCannotBeConnectedLeavesNothing(t *testing.T) {
	b := newBed(t)
	if _, err := b.n.ConnectStep(t.Context(), "one", filepath.Join(b.stepFolder(), "none")); err == nil {
		t.Error("a namespace that is not there is connected")
	}
	must(t, b.n.RemoveSteps(t.Context(), b.allSteps()))
	b.checkNothingLeft()
}
