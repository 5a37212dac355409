package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"

	"github.com/gocompose/gocompose/dns"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
)

// resolver is where containers send their queries, as Docker has it: the
// address that images and their configurations expect.
const resolver = "127.0.0.11"

// listenDNS opens the sockets of a container's name server in its network
// namespace.
func listenDNS(ctx context.Context, path string) (packets net.PacketConn, streams net.Listener, err error) {
	at := netip.AddrPortFrom(netip.MustParseAddr(resolver), DNSPort).String()
	err = netns.Do(path, func() error {
		var config net.ListenConfig
		if packets, err = config.ListenPacket(ctx, "udp4", at); err != nil {
			return err
		}
		if streams, err = config.Listen(ctx, "tcp4", at); err != nil {
			return errors.Join(err, packets.Close())
		}
		return nil
	})
	return packets, streams, err
}

// names is what the holdings of all containers share.
type names struct {
	table     *dns.Table
	forwarder *dns.Forwarder
	listen    func(ctx context.Context, netns string) (net.PacketConn, net.Listener, error)
	sockets   *sockets // of their published ports
}

// holding is what is held for one attached container: its name server, its
// names in the table, and its published ports.
type holding struct {
	names    names
	endpoint endpoint.Endpoint
	server   io.Closer // nil until it listens
	ports    []*claim  // one a port of the endpoint, nil until it is bound
}

func newHolding(n names, e endpoint.Endpoint) *holding {
	e.Ports = slices.Clone(e.Ports)
	return &holding{names: n, endpoint: e, ports: make([]*claim, len(e.Ports))}
}

// open opens what is not open yet. It does all it can before it returns an
// error, and can be repeated.
func (h *holding) open(ctx context.Context) error {
	// Who asked for it to be held may be gone long before it is let go.
	ctx = context.WithoutCancel(ctx)
	h.names.table.Put(hostOf(h.endpoint))
	failed := []error{h.serveNames(ctx)}
	for i := range h.endpoint.Ports {
		failed = append(failed, h.publish(ctx, i))
	}
	return errors.Join(failed...)
}

func (h *holding) serveNames(ctx context.Context) error {
	if h.server != nil || !answersFor(h.endpoint) {
		return nil
	}
	packets, streams, err := h.names.listen(ctx, h.endpoint.Netns)
	if err != nil {
		return fmt.Errorf("answering names in container %s: %w", h.endpoint.Name, err)
	}
	h.server = dns.Start(ctx, dns.Config{
		Viewer:    h.endpoint.ID,
		Table:     h.names.table,
		Forwarder: h.names.forwarderFor(h.endpoint),
		Packets:   packets,
		Streams:   streams,
	})
	return nil
}

func (h *holding) publish(ctx context.Context, i int) error {
	if h.ports[i] != nil {
		return nil
	}
	c, err := h.names.sockets.claim(ctx, h.endpoint, i)
	if err != nil {
		return err
	}
	h.ports[i], h.endpoint.Ports[i].HostPort = c, c.port.number
	return nil
}

// rest has the container take no part in the ports that others have too, or
// take part again.
func (h *holding) rest(resting bool) {
	h.endpoint.Resting = resting
	for _, c := range h.ports {
		if c != nil {
			c.rest(resting)
		}
	}
}

// covers says whether the holding is the one that e asks for, whatever free
// port it has got, and whether it rests or not.
func (h *holding) covers(e endpoint.Endpoint) (bool, error) {
	e.Ports = slices.Clone(e.Ports)
	e.Resting = h.endpoint.Resting
	for i := range e.Ports {
		if e.Ports[i].HostPort == 0 && i < len(h.endpoint.Ports) {
			e.Ports[i].HostPort = h.endpoint.Ports[i].HostPort
		}
	}
	want, err := json.Marshal(e)
	if err != nil {
		return false, err
	}
	have, err := json.Marshal(h.endpoint)
	return bytes.Equal(want, have), err
}

// Close lets go of everything. Then nothing here keeps the container's network
// namespace alive: sockets are closed even if they say that something went
// wrong.
func (h *holding) Close() {
	h.names.table.Remove(h.endpoint.ID)
	if h.server != nil {
		_ = h.server.Close()
	}
	for _, c := range h.ports {
		if c != nil {
			_ = c.Close()
		}
	}
	h.server, h.ports = nil, nil
}
