package networks

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
)

// Detach takes away all that Attach and Publish made for the container: ports,
// links, namespace, addresses, record. When it returns, no link is left, even
// if somebody still holds the namespace. Nothing there is no error.
func (n *Networks) Detach(ctx context.Context, id string) error {
	e, err := endpoint.Read(n.paths.Endpoints(), id)
	switch {
	case errors.Is(err, endpoint.ErrNotFound):
		e, err = endpoint.Endpoint{ID: id, Name: id}, nil
	case errors.Is(err, endpoint.ErrDamaged):
		e, err = n.remains(ctx, id)
	}
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context, endpoint.Endpoint) error{
		n.unpublish, n.unplug, n.unbind, n.release,
	} {
		if err := step(ctx, e); err != nil {
			return fmt.Errorf("disconnecting container %s from its networks: %w", e.Name, err)
		}
	}
	return nil
}

// remains is what is known of a container whose record is damaged: the names of
// its links are made from its ID, one a network at most. Its ports are taken away,
// for the rules are made from what can be read.
func (n *Networks) remains(ctx context.Context, id string) (endpoint.Endpoint, error) {
	e := endpoint.Endpoint{ID: id, Name: id}
	networks, err := n.tables().Names()
	if err != nil {
		return e, err
	}
	for i := range networks {
		e.Interfaces = append(e.Interfaces, endpoint.Interface{HostName: n.hostLinkName(id, i)})
	}
	return e, n.locked(ctx, rulesLock, n.rewriteRules)
}

func (n *Networks) unplug(_ context.Context, e endpoint.Endpoint) error {
	var names []string
	for _, i := range e.Interfaces {
		if i.HostName != "" {
			names = append(names, i.HostName)
		}
	}
	if err := unshare(e); err != nil {
		return err
	}
	return n.links.remove(names)
}

// unshare removes the shares of the host's links: they have no end outside, so as
// long as somebody holds the namespace they would stay in it.
func unshare(e endpoint.Endpoint) error {
	if !slices.ContainsFunc(e.Interfaces, func(i endpoint.Interface) bool { return i.Apart }) {
		return nil
	}
	if is, err := netns.Exists(e.Netns); err != nil || !is {
		return err
	}
	return netns.Do(e.Netns, func() error {
		for _, i := range e.Interfaces {
			if i.Apart {
				if err := removeLink(i.Name); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (n *Networks) unbind(_ context.Context, e endpoint.Endpoint) error {
	return netns.Remove(filepath.Join(n.paths.Netns(), e.ID))
}

// release gives the addresses back. Without a record there may still be some,
// of an attempt that was cut short.
func (n *Networks) release(ctx context.Context, e endpoint.Endpoint) error {
	return n.locked(ctx, recordsLock, func() error {
		names, err := n.tables().Names()
		if err != nil {
			return err
		}
		for _, name := range names {
			l, err := n.readLeases(name)
			if err != nil {
				return err
			}
			if !l.release(e.ID) {
				continue
			}
			if err := n.writeLeases(name, l); err != nil {
				return err
			}
		}
		if err := n.leave(e.ID); err != nil {
			return err
		}
		return endpoint.Remove(n.paths.Endpoints(), e.ID)
	})
}

// reconnect puts the container's links back on their bridges. A link that is
// gone is gone: only a new start makes another.
func (n *Networks) reconnect(e endpoint.Endpoint) error {
	h, err := openLinks()
	if err != nil {
		return err
	}
	defer h.Close()
	for _, i := range e.Interfaces {
		if i.HostName == "" {
			continue
		}
		outer, err := h.LinkByName(i.HostName)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		r, err := n.read(i.Network)
		if err != nil {
			return err
		}
		bridge, err := h.LinkByName(r.Link)
		if err != nil {
			return err
		}
		if !option(r.Network, optICC, true) {
			if err := h.LinkSetIsolated(outer, isolated(r)); err != nil && outer.Attrs().MasterIndex != 0 {
				return err
			}
		}
		if outer.Attrs().MasterIndex == bridge.Attrs().Index {
			continue
		}
		if err := errors.Join(h.LinkSetMaster(outer, bridge), h.LinkSetUp(outer)); err != nil {
			return err
		}
	}
	return nil
}
