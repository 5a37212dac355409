package supervisor

import (
	"context"
	"net"
	"net/netip"

	"github.com/gocompose/gocompose/dns"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
)

// dnsServerPort is where name servers listen.
const dnsServerPort = 53

// answersFor says whether a container has a name server of its own: who is in
// another's network namespace has that one's, and the host's is the host's.
func answersFor(e endpoint.Endpoint) bool { return e.Of == "" && e.Netns != "" }

// hostOf returns what others know a container by, and what names it has for them.
func hostOf(e endpoint.Endpoint) dns.Host {
	h := dns.Host{ID: e.ID, Name: e.Name, Project: e.Project, Service: e.Service, Services: e.Names.Services}
	for _, l := range e.Names.Links {
		h.Links = append(h.Links, dns.Link{Alias: l.Alias, Service: l.Service, Name: l.Container})
	}
	for _, i := range e.Interfaces {
		for _, a := range []netip.Prefix{i.Address, i.Address6} {
			if !a.IsValid() {
				continue
			}
			p := dns.Place{Network: i.Network, Address: a.Addr(), Names: i.Names}
			if i.HostName != "" { // or it is on the network of the host's own device
				p.Subnet = a.Masked()
			}
			h.Places = append(h.Places, p)
		}
	}
	return h
}

// forwarderFor returns who is asked for names that are not of here, or nil.
// Servers of the container's own are asked from its namespace, so that they may
// be where only it reaches them, or even in it. From internal networks that is
// all: the host's servers would be a way out.
func (n names) forwarderFor(e endpoint.Endpoint) *dns.Forwarder {
	outside := false
	for _, i := range e.Interfaces {
		outside = outside || i.Gateway.IsValid() || i.Gateway6.IsValid()
	}
	self := netip.MustParseAddr(resolver)
	var servers []netip.AddrPort
	for _, a := range e.Names.Servers {
		if a = a.Unmap(); a == self {
			continue // it would ask itself
		}
		if outside || a.IsLoopback() || within(e, a) {
			servers = append(servers, netip.AddrPortFrom(a, dnsServerPort))
		}
	}
	switch {
	case len(servers) > 0:
		return n.forwarder.To(servers, dialIn(e.Netns))
	case !outside:
		return nil
	}
	return n.forwarder
}

// within says whether an address is in one of the container's networks.
func within(e endpoint.Endpoint, a netip.Addr) bool {
	for _, i := range e.Interfaces {
		if i.Address.Masked().Contains(a) || i.Address6.Masked().Contains(a) {
			return true
		}
	}
	return false
}

// dialIn makes sockets in the network namespace at path. They keep it alive
// until they are closed.
func dialIn(path string) dns.Dial {
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		err = netns.Do(path, func() error {
			conn, err = new(net.Dialer).DialContext(ctx, network, address)
			return err
		})
		if err != nil {
			return nil, err
		}
		return conn, nil
	}
}
