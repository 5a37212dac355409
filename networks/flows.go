package networks

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/nft"
)

// allowHairpin lets packets leave the bridges by the ports they came in: where
// br_netfilter is on, a container that reaches itself by a host port never gets
// off the bridge.
func allowHairpin(e endpoint.Endpoint) error {
	h, err := openLinks()
	if err != nil {
		return err
	}
	defer h.Close()
	for _, i := range e.Interfaces {
		if !i.Default && !i.Default6 || i.HostName == "" {
			continue
		}
		outer, err := h.LinkByName(i.HostName)
		if err == nil {
			err = h.LinkSetHairpin(outer, true)
		}
		if err != nil {
			return fmt.Errorf("setting up the link %s: %w", i.HostName, err)
		}
	}
	return nil
}

// forgetUDP makes the kernel forget where packets of UDP went: to a host port
// of ms by some other way than now, or to a container that has gone. A client
// that sends on and on would stay on the old way for ever.
func forgetUDP(ms []nft.Mapping, gone []netip.Addr) error {
	udp := slices.DeleteFunc(slices.Clone(ms), func(m nft.Mapping) bool { return m.Proto != unix.IPPROTO_UDP })
	if len(udp) == 0 {
		return nil
	}
	h, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Errorf("opening netlink: %w", err)
	}
	defer h.Close()
	own, err := ownAddresses()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		family netlink.InetFamily
		is     family
	}{{unix.AF_INET, ipv4}, {unix.AF_INET6, ipv6}} {
		if !slices.ContainsFunc(udp, func(m nft.Mapping) bool { return familyOf(m.Host) == f.is }) {
			continue
		}
		_, err = h.ConntrackDeleteFilters(netlink.ConntrackTable, f.family, udpFlows{udp, gone, own})
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			return fmt.Errorf("forgetting the UDP flows of %d ports: %w", len(udp), err)
		}
	}
	return nil
}

// ownAddresses returns those of this host.
func ownAddresses() ([]netip.Addr, error) {
	h, err := openLinks()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	list, err := whole(func() ([]netlink.Addr, error) { return h.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("reading the addresses: %w", err)
	}
	var out []netip.Addr
	for _, a := range list {
		if addr, ok := netip.AddrFromSlice(a.IP); ok {
			out = append(out, addr.Unmap())
		}
	}
	return out, nil
}

// udpFlows selects remembered flows.
type udpFlows struct {
	ports []nft.Mapping // To is where they lead now; empty: it does not matter
	gone  []netip.Addr
	own   []netip.Addr // of this host: flows that only pass it have ports of others
}

func (f udpFlows) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	if flow.Forward.Protocol != unix.IPPROTO_UDP {
		return false
	}
	to, _ := netip.AddrFromSlice(flow.Forward.DstIP)   // who was asked
	from, _ := netip.AddrFromSlice(flow.Reverse.SrcIP) // who answers
	to, from = to.Unmap(), from.Unmap()
	return slices.ContainsFunc(f.ports, func(m nft.Mapping) bool {
		if flow.Forward.DstPort != m.Port || !f.reaches(m.Host, to) {
			return false
		}
		elsewhere := !slices.ContainsFunc(m.To, func(t netip.AddrPort) bool { return t.Addr() == from })
		return slices.Contains(f.gone, from) || len(m.To) > 0 && elsewhere
	})
}

// reaches tells whether what is addressed to an address comes to a port on host.
func (f udpFlows) reaches(host, to netip.Addr) bool {
	if !host.IsUnspecified() {
		return to == host
	}
	return to.IsLoopback() || slices.Contains(f.own, to)
}
