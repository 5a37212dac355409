package host

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor"
)

// attach puts the container on its networks, and returns when its names are
// answered and its ports lead to it. One in the host's namespace is nowhere, and
// one that shares another's has nothing of its own.
func (h *Host) attach(ctx context.Context, c containerd.Container) (endpoint.Endpoint, error) {
	want := c.Record.Spec
	if want.NetworkMode == project.ModeHost {
		return endpoint.Endpoint{}, nil
	}
	req := networks.AttachRequest{
		ID: c.ID, Name: want.Name, Project: want.Project, Service: want.Service,
		DNSPort: supervisor.DNSPort,
		Resolve: endpoint.Names{Links: want.Links, Services: want.Origin.Services, Servers: want.DNS.Servers},
	}
	if want.Role != "" {
		req.Service = "" // links to the service do not lead there
	}
	var err error
	if req.Of, err = h.sharedWith(ctx, want); err != nil {
		return endpoint.Endpoint{}, err
	}
	for _, n := range want.Networks {
		req.Endpoints = append(req.Endpoints, networks.NetworkEndpoint{Endpoint: n, Names: namesIn(c, n)})
	}
	e, err := h.networks.Attach(ctx, req)
	if err != nil || e.Of != "" {
		return e, err
	}
	e.Ports = nil // those of an attempt that was cut short are not asked for again
	for _, p := range want.Ports {
		wanted := endpoint.Port{Port: p}
		if p.Fixed() {
			wanted.HostPort = p.Published
		}
		e.Ports = append(e.Ports, wanted)
	}
	if e.Resting, err = h.networks.Shared(e); err != nil {
		return e, err
	}
	if e, err = h.supervisor.Hold(ctx, e); err != nil {
		return e, err
	}
	return e, h.networks.Publish(ctx, e)
}

// namesIn returns what others on the network may call the container. On Docker's
// default bridge nobody has a name, and nobody calls what only prepares a start. A
// one-off is not called by its service's name, unless that is among the aliases.
func namesIn(c containerd.Container, n project.Endpoint) []string {
	spec := c.Record.Spec
	switch {
	case n.Network == project.DefaultBridge, spec.Role != "" && !spec.OneOff():
		return nil
	case spec.OneOff():
		return append([]string{spec.Name, ShortID(c.ID)}, n.Aliases...)
	}
	return append([]string{spec.Name, spec.Service, ShortID(c.ID)}, n.Aliases...)
}

// sharedWith returns the ID of the container whose network namespace is shared, or
// what networks has for the host; empty: none is.
func (h *Host) sharedWith(ctx context.Context, want project.Container) (string, error) {
	for _, share := range want.Shares() {
		if share.Attribute != project.AttributeNetwork {
			continue
		}
		owner, err := h.runningOwner(ctx, want.Project, share)
		if err == nil && owner.Record.Spec.NetworkMode == project.ModeHost {
			return networks.HostNamespace, nil
		}
		return owner.ID, err
	}
	return "", nil
}

// runningOwner returns the container whose namespace a container of the project
// shares, which has to run: of a service the lowest replica, and one that runs
// before one that does not.
func (h *Host) runningOwner(ctx context.Context, projectName string, share project.Share) (containerd.Container, error) {
	filter := containerd.Filter{Project: projectName}
	if share.Container != "" {
		filter = containerd.Filter{Names: []string{share.Container}}
	}
	found, err := h.containerd.Containers(ctx, filter)
	if err != nil {
		return containerd.Container{}, err
	}
	found = slices.DeleteFunc(found, func(c containerd.Container) bool {
		return share.Service != "" && c.Record.Spec.Service != share.Service || c.Record.Spec.Role != ""
	})
	if len(found) == 0 {
		return containerd.Container{}, fmt.Errorf("%s: %s: there is no such container", share.Attribute, share.Mode)
	}
	owner := slices.MinFunc(found, func(a, b containerd.Container) int {
		if a.Running() != b.Running() {
			if a.Running() {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Record.Spec.Replica, b.Record.Spec.Replica)
	})
	if !owner.Running() {
		return owner, fmt.Errorf("%s: %s: container %s does not run: start it first", share.Attribute, share.Mode, owner.Record.Spec.Name)
	}
	return owner, nil
}
