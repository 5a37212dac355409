package networks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/nft"
	"github.com/gocompose/gocompose/project"
)

// ErrPublished: another container of ours has the port.
var ErrPublished = errors.New("port already published")

// Publish sends what comes to the host ports of e.Ports to the container, in
// place of what was published for it before, in one transaction, and writes the
// record. Each port needs its HostPort. The kernel does it from then on:
// nothing has to run for it.
//
// A port on an IPv6 address of the host is recorded only: networks have no
// IPv6, somebody must listen there and pass it on.
func (n *Networks) Publish(ctx context.Context, e endpoint.Endpoint) error {
	want, err := mappings(e)
	if err != nil {
		return fmt.Errorf("publishing the ports of container %s: %w", e.Name, err)
	}
	err = n.locked(ctx, rulesLock, func() error {
		have, err := n.rules.Published()
		lost := errors.Is(err, nft.ErrNoTable)
		if err != nil && !lost {
			return err
		}
		drop, add := difference(e, have, want)
		if err := n.checkFree(e.ID, drop); err != nil {
			return err
		}
		if err := endpoint.Write(n.paths.Endpoints(), e); err != nil {
			return err
		}
		if lost {
			return n.rewriteRules()
		}
		return n.rules.Change(drop, add)
	})
	if err == nil && len(want) > 0 {
		err = errors.Join(allowHairpin(e.Interfaces[0]), forgetUDP(want, netip.Addr{}))
	}
	if err != nil {
		return fmt.Errorf("publishing the ports of container %s: %w", e.Name, err)
	}
	return nil
}

// unpublish takes the container's ports away, whatever they are.
func (n *Networks) unpublish(ctx context.Context, e endpoint.Endpoint) error {
	var gone []nft.Mapping
	err := n.locked(ctx, rulesLock, func() error {
		have, err := n.rules.Published()
		if errors.Is(err, nft.ErrNoTable) {
			return nil
		}
		if err != nil {
			return err
		}
		gone, _ = difference(e, have, nil)
		return n.rules.Change(gone, nil)
	})
	if err != nil {
		return err
	}
	addr, _ := e.Address()
	return forgetUDP(gone, addr)
}

// mappings returns what the ports of e mean for the kernel.
func mappings(e endpoint.Endpoint) ([]nft.Mapping, error) {
	to, ok := e.Address()
	if !ok && len(e.Ports) > 0 {
		return nil, fmt.Errorf("%s: the container is on no network", e.Ports[0])
	}
	var ms []nft.Mapping
	for _, p := range e.Ports {
		host, ok, err := hostAddr(p.Port)
		if err != nil {
			return nil, err
		}
		proto, err := protocol(p.Protocol)
		if err != nil {
			return nil, err
		}
		if p.HostPort == 0 {
			return nil, fmt.Errorf("%s: no host port was chosen", p.Port)
		}
		if ok {
			ms = append(ms, nft.Mapping{
				Key: nft.Key{Proto: proto, Host: host, Port: p.HostPort}, To: []netip.AddrPort{netip.AddrPortFrom(to, p.Target)},
			})
		}
	}
	return ms, nil
}

// allowHairpin lets packets leave the bridge by the port they came in: where
// br_netfilter is on, a container that reaches itself by a host port never gets
// off the bridge.
func allowHairpin(i endpoint.Interface) error {
	h, err := openLinks()
	if err != nil {
		return err
	}
	defer h.Close()
	outer, err := h.LinkByName(i.HostName)
	if err == nil {
		err = h.LinkSetHairpin(outer, true)
	}
	if err != nil {
		return fmt.Errorf("setting up the link %s: %w", i.HostName, err)
	}
	return nil
}

// hostAddr returns the port's address on the host; ok is false for one of IPv6.
func hostAddr(p project.Port) (addr netip.Addr, ok bool, err error) {
	if p.HostIP == "" {
		return netip.IPv4Unspecified(), true, nil
	}
	addr, err = netip.ParseAddr(p.HostIP)
	if err != nil {
		return netip.Addr{}, false, fmt.Errorf("%s: %w", p, err)
	}
	addr = addr.Unmap()
	return addr, addr.Is4(), nil
}

func protocol(name string) (uint8, error) {
	switch name {
	case "tcp":
		return unix.IPPROTO_TCP, nil
	case "udp":
		return unix.IPPROTO_UDP, nil
	}
	return 0, fmt.Errorf("publishing protocol %q is not supported", name)
}

// difference says what has to go and what has to come, of what is mapped, for
// exactly want to lead to e. What holds a wanted port has to go.
func difference(e endpoint.Endpoint, have, want []nft.Mapping) (drop, add []nft.Mapping) {
	own, _ := e.Address()
	for _, m := range have {
		if slices.ContainsFunc(want, m.Equal) {
			continue
		}
		if m.To[0].Addr() == own || slices.ContainsFunc(want, clashes(m)) {
			drop = append(drop, m)
		}
	}
	for _, m := range want {
		if !slices.ContainsFunc(have, m.Equal) && !slices.ContainsFunc(add, m.Equal) {
			add = append(add, m)
		}
	}
	return drop, add
}

// clashes: one host port cannot be both.
func clashes(m nft.Mapping) func(nft.Mapping) bool {
	return func(o nft.Mapping) bool { return m.Key == o.Key }
}

// checkFree fails when what would be dropped for container id belongs to
// another one. What belongs to none was left behind.
func (n *Networks) checkFree(id string, drop []nft.Mapping) error {
	if len(drop) == 0 {
		return nil
	}
	es, err := n.endpoints()
	if err != nil {
		return err
	}
	for _, e := range es {
		if e.ID == id {
			continue
		}
		its, err := mappings(e)
		if err != nil {
			return err
		}
		for _, m := range drop {
			if slices.ContainsFunc(its, m.Equal) {
				return fmt.Errorf("%w: host port %d belongs to container %s", ErrPublished, m.Port, e.Name)
			}
		}
	}
	return nil
}

// rewriteRules replaces the ruleset by what the records say; without any
// network there is none. It needs the lock on rules.
func (n *Networks) rewriteRules() error {
	records, err := n.readAll()
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return n.rules.Remove()
	}
	known := make([]nft.Network, 0, len(records))
	for _, r := range records {
		known = append(known, nft.Network{
			Bridge: r.Bridge, Subnets: []netip.Prefix{r.Subnet}, Masquerade: []netip.Prefix{r.Subnet},
		})
	}
	es, err := n.endpoints()
	if err != nil {
		return err
	}
	var all []nft.Mapping
	for _, e := range es {
		ms, err := mappings(e)
		if err != nil {
			return fmt.Errorf("container %s: %w", e.Name, err)
		}
		for _, m := range ms {
			if !slices.ContainsFunc(all, clashes(m)) {
				all = append(all, m)
			}
		}
	}
	return n.rules.Replace(nft.Rules{Networks: known, Mappings: all})
}

// forgetUDP makes the kernel forget where packets of UDP went: to a host port
// of ms by some other way than now, or to a container that has gone. A client
// that sends on and on would stay on the old way for ever.
func forgetUDP(ms []nft.Mapping, gone netip.Addr) error {
	udp := slices.DeleteFunc(slices.Clone(ms), func(m nft.Mapping) bool { return m.Proto != unix.IPPROTO_UDP })
	if len(udp) == 0 {
		return nil
	}
	h, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Errorf("opening netlink: %w", err)
	}
	defer h.Close()
	_, err = h.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, udpFlows{udp, gone})
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return fmt.Errorf("forgetting the UDP flows of %d ports: %w", len(udp), err)
	}
	return nil
}

// udpFlows selects remembered flows.
type udpFlows struct {
	ports []nft.Mapping
	gone  netip.Addr
}

func (f udpFlows) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	if flow.Forward.Protocol != unix.IPPROTO_UDP {
		return false
	}
	from, _ := netip.AddrFromSlice(flow.Reverse.SrcIP) // who answers
	from = from.Unmap()
	return slices.ContainsFunc(f.ports, func(m nft.Mapping) bool {
		return flow.Forward.DstPort == m.Port && (f.gone == from || from != m.To[0].Addr())
	})
}
