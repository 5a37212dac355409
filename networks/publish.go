package networks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/nft"
)

// ErrPublished: another container of ours has the port.
var ErrPublished = errors.New("port already published")

// Publish sends what comes to the host ports of e.Ports to the container, in
// place of what was published for it before, in one transaction, and writes the
// record. A port that other replicas of its service have is spread over those
// that take part. Each port needs its HostPort. The kernel does it from then on:
// nothing has to run for it.
//
// What comes to an address of a family that the container does not have is not
// sent anywhere: somebody must listen there and pass it on.
func (n *Networks) Publish(ctx context.Context, e endpoint.Endpoint) error {
	want, err := doors(e)
	if err != nil {
		return fmt.Errorf("publishing the ports of container %s: %w", e.Name, err)
	}
	var added []nft.Mapping
	err = n.locked(ctx, rulesLock, func() error {
		have, err := n.mapped()
		if errors.Is(err, nft.ErrNoTable) {
			return errors.Join(endpoint.Write(n.paths.Endpoints(), e), n.rewriteRules())
		}
		if err != nil {
			return err
		}
		next, err := n.published(e, have, want)
		if err != nil {
			return err
		}
		if err := endpoint.Write(n.paths.Endpoints(), e); err != nil {
			return err
		}
		added, err = n.change(have, next)
		return err
	})
	if err == nil && len(want) > 0 {
		err = errors.Join(allowHairpin(e), forgetUDP(added, nil))
	}
	if err != nil {
		return fmt.Errorf("publishing the ports of container %s: %w", e.Name, err)
	}
	return nil
}

// Shared tells whether somebody else has one of the fixed host ports of e now: if
// that is a replica of its service, e should rest until it can answer.
func (n *Networks) Shared(e endpoint.Endpoint) (bool, error) {
	e.Ports = slices.DeleteFunc(slices.Clone(e.Ports), func(p endpoint.Port) bool { return !p.Fixed() })
	ds, err := doors(e)
	if err != nil || len(ds) == 0 {
		return false, nil // what is wrong is told when they are published
	}
	have, err := n.mapped()
	if errors.Is(err, nft.ErrNoTable) {
		return false, nil
	}
	return slices.ContainsFunc(ds, func(d door) bool { return len(without(have[d.key], e)) > 0 }), err
}

// published returns what is to be mapped when e has the doors.
func (n *Networks) published(e endpoint.Endpoint, have mapped, want []door) (mapped, error) {
	var shared []nft.Key // that lead to somebody else now
	for _, d := range want {
		if len(without(have[d.key], e)) > 0 {
			shared = append(shared, d.key)
		}
	}
	next, err := n.withdrawn(e, have)
	if err != nil {
		return nil, err
	}
	group := []endpoint.Endpoint{e}
	if len(shared) > 0 || e.Resting {
		others, err := n.others(e.ID)
		if err != nil {
			return nil, err
		}
		if err := checkFree(e, shared, others); err != nil {
			return nil, err
		}
		group = append(group, others...)
	}
	all := sharersOf(group)
	for _, d := range want {
		next.set(d.key, all.targets(d.key, e))
	}
	return next, nil
}

// withdrawn returns what is to be mapped when nothing leads to e any more.
func (n *Networks) withdrawn(e endpoint.Endpoint, have mapped) (mapped, error) {
	next := maps.Clone(have)
	var others sharers
	for key, to := range have {
		left := without(to, e)
		if len(left) == len(to) {
			continue
		}
		if len(left) == 0 {
			// One of its service that took no part may have the port too.
			if others == nil {
				es, err := n.others(e.ID)
				if err != nil {
					return nil, err
				}
				others = sharersOf(es)
			}
			left = others.targets(key, e)
		}
		next.set(key, left)
	}
	return next, nil
}

// unpublish takes the container's ports away, whatever they are: out of its record
// too, for whoever makes the rules from the records would map them again.
func (n *Networks) unpublish(ctx context.Context, e endpoint.Endpoint) error {
	if len(e.Ports) == 0 {
		return nil // they are written down before they are published
	}
	err := n.locked(ctx, rulesLock, func() error {
		have, err := n.mapped()
		if err != nil && !errors.Is(err, nft.ErrNoTable) {
			return err
		}
		next, err := n.withdrawn(e, have)
		if err != nil {
			return err
		}
		if _, err := n.change(have, next); err != nil {
			return err
		}
		without := e
		without.Ports = nil
		return endpoint.Rewrite(n.paths.Endpoints(), without)
	})
	if err != nil {
		return err
	}
	return n.forgetFlowsTo(e)
}

// forgetFlowsTo forgets where packets of UDP went that came to the container's
// ports.
func (n *Networks) forgetFlowsTo(e endpoint.Endpoint) error {
	ds, err := doors(e)
	if err != nil {
		return err
	}
	var ms []nft.Mapping
	for _, d := range ds {
		ms = append(ms, nft.Mapping{Key: d.key})
	}
	return forgetUDP(ms, addressesOfAll(e))
}

// Rest says whether the container takes part in the ports that other replicas of
// its service have too. It changes nothing for one that is not attached, or is
// alone.
func (n *Networks) Rest(ctx context.Context, id string, resting bool) error {
	return n.restIf(ctx, id, resting, func(endpoint.Endpoint, mapped) bool { return true })
}

// Withdraw sends no new connections to the container any more, if other replicas
// of its service take them: it is about to end.
func (n *Networks) Withdraw(ctx context.Context, id string) error {
	e, err := endpoint.Read(n.paths.Endpoints(), id)
	if errors.Is(err, endpoint.ErrNotFound) || err == nil && len(e.Ports) == 0 {
		return nil
	}
	return n.restIf(ctx, id, true, func(e endpoint.Endpoint, have mapped) bool {
		for _, to := range have {
			if left := without(to, e); len(left) > 0 && len(left) < len(to) {
				return true
			}
		}
		return false
	})
}

// restIf is Rest where what is mapped says so. All of it is under one lock: who is
// about to take part has its record before it is mapped, and must not be missed.
func (n *Networks) restIf(ctx context.Context, id string, resting bool, should func(endpoint.Endpoint, mapped) bool) error {
	var added []nft.Mapping
	err := n.locked(ctx, rulesLock, func() error {
		e, err := endpoint.Read(n.paths.Endpoints(), id)
		if errors.Is(err, endpoint.ErrNotFound) {
			return nil
		}
		if err != nil || e.Resting == resting {
			return err
		}
		have, err := n.mapped()
		lost := errors.Is(err, nft.ErrNoTable)
		if err != nil && !lost || !should(e, have) {
			return ignore(err, nft.ErrNoTable)
		}
		e.Resting = resting
		if err := endpoint.Rewrite(n.paths.Endpoints(), e); err != nil || lost {
			return err
		}
		added, err = n.rebalance(e, have)
		return err
	})
	if err == nil {
		err = forgetUDP(added, nil)
	}
	if err != nil {
		return fmt.Errorf("balancing the ports of container %s: %w", id, err)
	}
	return nil
}

// ignore is err, unless it is the one that does not matter.
func ignore(err, what error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}

// rebalance spreads what comes to the ports of e anew.
func (n *Networks) rebalance(e endpoint.Endpoint, have mapped) ([]nft.Mapping, error) {
	ds, err := doors(e)
	if err != nil || len(ds) == 0 {
		return nil, err
	}
	others, err := n.others(e.ID)
	if err != nil {
		return nil, err
	}
	next, all := maps.Clone(have), sharersOf(append(others, e))
	for _, d := range ds {
		next.set(d.key, all.targets(d.key, e))
	}
	return n.change(have, next)
}

// mapped returns what is mapped, or nft.ErrNoTable.
func (n *Networks) mapped() (mapped, error) {
	ms, err := n.rules.Published()
	return mappedOf(ms), err
}

// change makes next of what is mapped, and returns what is new of it. The caller
// has the lock on rules.
func (n *Networks) change(have, next mapped) (added []nft.Mapping, err error) {
	added = next.but(have)
	return added, n.rules.Change(have.but(next), added)
}

// others returns the records of the other containers.
func (n *Networks) others(id string) ([]endpoint.Endpoint, error) {
	es, err := n.endpoints()
	return slices.DeleteFunc(es, func(e endpoint.Endpoint) bool { return e.ID == id }), err
}

// checkFree fails when one of the keys belongs to a container of another service.
// What belongs to none was left behind.
func checkFree(e endpoint.Endpoint, keys []nft.Key, others []endpoint.Endpoint) error {
	for _, o := range others {
		if sameService(e, o) {
			continue
		}
		its, err := doors(o)
		if err != nil {
			return err
		}
		for _, d := range its {
			if slices.Contains(keys, d.key) {
				return fmt.Errorf("%w: host port %d belongs to container %s", ErrPublished, d.key.Port, o.Name)
			}
		}
	}
	return nil
}

// without returns the targets that are not of e.
func without(to []netip.AddrPort, e endpoint.Endpoint) []netip.AddrPort {
	own := addressesOfAll(e)
	return slices.DeleteFunc(slices.Clone(to), func(t netip.AddrPort) bool { return slices.Contains(own, t.Addr()) })
}

// addressesOfAll returns the addresses of all interfaces.
func addressesOfAll(e endpoint.Endpoint) []netip.Addr {
	var out []netip.Addr
	for _, i := range e.Interfaces {
		for _, p := range []netip.Prefix{i.Address, i.Address6} {
			if p.IsValid() {
				out = append(out, p.Addr())
			}
		}
	}
	return out
}
