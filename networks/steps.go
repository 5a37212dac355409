package networks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
	"github.com/gocompose/gocompose/project"
)

// stepsNetwork is what the steps of builds are on: a bridge, on which none reaches
// another. It belongs to no project and is not listed; it is there while there are
// namespaces of steps.
func stepsNetwork() project.Network {
	return project.Network{Name: "gocompose-builds", Driver: project.DriverBridge, Options: map[string]string{optICC: "false"}}
}

// stepPrefix begins what addresses of steps are held by.
const stepPrefix = "build-"

// ConnectStep connects the network namespace at the path, which buildkitd has made
// and calls by the ID. It makes the network when there is none. An attempt that
// fails leaves nothing but that.
func (n *Networks) ConnectStep(ctx context.Context, id, path string) (endpoint.Interface, error) {
	if err := endpoint.CheckID(id); err != nil {
		return endpoint.Interface{}, err
	}
	if is, err := netns.Exists(path); err != nil || !is {
		return endpoint.Interface{}, cmp.Or(err, fmt.Errorf("no network namespace is bound at %s", path))
	}
	net := stepsNetwork()
	want := AttachRequest{ID: stepPrefix + id, Name: stepPrefix + id}
	e := endpoint.Endpoint{ID: want.ID, Name: want.Name, Netns: path}
	err := n.locked(ctx, recordsLock, func() error {
		r, err := n.record(net)
		if err != nil {
			return err
		}
		if err := n.ensure(ctx, r); err != nil {
			return err
		}
		i, err := n.lease(r, want, NetworkEndpoint{Endpoint: project.Endpoint{Network: net.Name}})
		if err != nil {
			return err
		}
		i.Name, i.HostName, i.Default = defaultIfPrefix+"0", n.hostLinkName(want.ID, 0), true
		e.Interfaces = []endpoint.Interface{i}
		return nil
	})
	if err == nil {
		err = n.connect(ctx, e, 0)
	}
	if err != nil {
		err = fmt.Errorf("connecting a step of a build to the network: %w", err)
		return endpoint.Interface{}, errors.Join(err, n.DisconnectStep(context.WithoutCancel(ctx), id))
	}
	return e.Interfaces[0], nil
}

// StepsGateway returns the host's address on the network of steps. It makes the network
// when there is none.
func (n *Networks) StepsGateway(ctx context.Context) (netip.Addr, error) {
	var r Record
	err := n.locked(ctx, recordsLock, func() (err error) {
		if r, err = n.record(stepsNetwork()); err != nil {
			return err
		}
		return n.ensure(ctx, r)
	})
	if err != nil {
		return netip.Addr{}, fmt.Errorf("making the network of builds: %w", err)
	}
	return r.Pools[0].Gateway, nil
}

// DisconnectStep takes away what ConnectStep has made, but for the network. Nothing
// there is no error.
func (n *Networks) DisconnectStep(ctx context.Context, id string) error {
	if err := endpoint.CheckID(id); err != nil {
		return err
	}
	if err := n.links.remove([]string{n.hostLinkName(stepPrefix+id, 0)}); err != nil {
		return fmt.Errorf("disconnecting a step of a build: %w", err)
	}
	return n.releaseSteps(ctx, func(holder string) bool { return holder == stepPrefix+id })
}

// RemoveSteps takes away all namespaces of steps, which are bound at the paths that
// the pattern finds, what connects them, and the network.
func (n *Networks) RemoveSteps(ctx context.Context, pattern string) error {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := netns.Remove(path); err != nil {
			return err
		}
	}
	l, err := n.readLeases(stepsNetwork().Name)
	if err != nil {
		return err
	}
	var links []string
	for _, holder := range l.holders() {
		links = append(links, n.hostLinkName(holder, 0))
	}
	if err := n.links.remove(links); err != nil {
		return err
	}
	if _, there, err := n.Get(ctx, stepsNetwork().Name); err != nil || !there {
		return err
	}
	if err := n.releaseSteps(ctx, func(string) bool { return true }); err != nil {
		return err
	}
	return n.RemoveNetwork(ctx, stepsNetwork())
}

// releaseSteps gives back the addresses of the holders that which selects. What
// they had is not remembered: a step has no successor.
func (n *Networks) releaseSteps(ctx context.Context, which func(holder string) bool) error {
	return n.locked(ctx, recordsLock, func() error {
		name := stepsNetwork().Name
		l, err := n.readLeases(name)
		if err != nil {
			return err
		}
		freed := false
		for _, holder := range l.holders() {
			if which(holder) {
				freed = l.release(holder) || freed
				delete(l.Before, holder)
			}
		}
		if !freed {
			return nil
		}
		return n.writeLeases(name, l)
	})
}

// isStep tells whether an address is held by a step.
func isStep(holder string) bool { return strings.HasPrefix(holder, stepPrefix) }
