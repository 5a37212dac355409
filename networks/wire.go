package networks

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
	"github.com/gocompose/gocompose/networks/nft"
)

// wiring is the connecting of one container.
type wiring struct {
	endpoint endpoint.Endpoint
	records  []Record        // one an interface
	links    []netlink.Link  // of the host, one an interface: the bridge, or the parent
	isolated []bool          // one an interface: see isolated
	host     *netlink.Handle // links outside
	inner    *netlink.Handle // links inside
	netns    *os.File        // the inside
	dnsPort  uint16
}

// connect makes in the kernel what the record says.
func (n *Networks) connect(ctx context.Context, e endpoint.Endpoint, dnsPort uint16) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if e.Of != "" {
		return n.bindShared(e)
	}
	host, err := openLinks()
	if err != nil {
		return err
	}
	defer host.Close()
	w := wiring{endpoint: e, host: host, dnsPort: dnsPort}
	for _, i := range e.Interfaces {
		r, err := n.read(i.Network)
		if err != nil {
			return err
		}
		link, err := n.hostLink(ctx, host, r)
		if err != nil {
			return err
		}
		w.records, w.links, w.isolated = append(w.records, r), append(w.links, link), append(w.isolated, isolated(r))
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	exists, err := n.namespace(e)
	if err != nil {
		return err
	}
	if exists {
		return netns.Do(e.Netns, func() error { return w.inside(ctx) })
	}
	return netns.Create(e.Netns, func() error { return w.inside(ctx) })
}

// hostLink returns the network's bridge or parent. After a reboot there is none
// until somebody needs it.
func (n *Networks) hostLink(ctx context.Context, host *netlink.Handle, r Record) (netlink.Link, error) {
	link, err := host.LinkByName(r.Link)
	if !isNotFound(err) {
		return link, err
	}
	if err := n.ensure(ctx, r); err != nil {
		return nil, err
	}
	link, err = host.LinkByName(r.Link)
	if isNotFound(err) {
		return nil, fmt.Errorf("network %q: this host has no link %s any more", r.Name, r.Link)
	}
	return link, err
}

// inside does the wiring on a thread that is in the container's namespace.
func (w *wiring) inside(ctx context.Context) (err error) {
	if w.netns, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return err
	}
	defer w.netns.Close()
	if w.inner, err = openLinks(); err != nil {
		return err
	}
	defer w.inner.Close()
	// A network without IPv6: an interface must not look as if it had. The
	// loopback keeps ::1.
	if err := setSysctl("net/ipv6/conf/default/disable_ipv6", "1"); err != nil {
		return err
	}
	if err := w.inner.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: loopback}}); err != nil {
		return fmt.Errorf("bringing up the loopback: %w", err)
	}
	for i, iface := range w.endpoint.Interfaces {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := w.plug(i); err != nil {
			return fmt.Errorf("making the link to network %q: %w", iface.Network, err)
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := w.setUp(iface, w.records[i]); err != nil {
			return fmt.Errorf("setting up %s: %w", iface.Name, err)
		}
	}
	if err := context.Cause(ctx); err != nil || w.dnsPort == 0 {
		return err
	}
	return nft.RedirectDNS(w.dnsPort)
}

// loopback is the index of lo in every namespace.
const loopback = 1

// plug makes the link of the interface: a pair that connects the container with
// the bridge, or a share of the parent.
func (w *wiring) plug(i int) error {
	iface, r := w.endpoint.Interfaces[i], w.records[i]
	_, err := w.inner.LinkByName(iface.Name)
	if err != nil && !isNotFound(err) {
		return err
	}
	inside := err == nil
	attrs := netlink.NewLinkAttrs()
	attrs.MTU = w.links[i].Attrs().MTU
	mac, err := net.ParseMAC(iface.MAC)
	if err != nil {
		return err
	}
	if r.bridged() {
		return w.pair(iface, w.links[i], inside, netlinkPair{attrs, mac, w.isolated[i]})
	}
	if inside {
		return nil
	}
	if attrs.MTU, err = mtuOfShare(r, attrs.MTU); err != nil {
		return err
	}
	attrs.Name, attrs.HardwareAddr = iface.Name, mac
	attrs.ParentIndex, attrs.Namespace = w.links[i].Attrs().Index, netlink.NsFd(w.netns.Fd())
	link, err := share(r, attrs)
	if err != nil {
		return err
	}
	return w.host.LinkAdd(link)
}

// mtuOfShare is what the network asks for, or else the parent's.
func mtuOfShare(r Record, parent int) (int, error) {
	if r.Options[optMTU] == "" {
		return parent, nil
	}
	return mtuOf(nil, r)
}

// netlinkPair is how a pair of links is made.
type netlinkPair struct {
	attrs    netlink.LinkAttrs
	mac      net.HardwareAddr // of the inner end
	isolated bool             // it does not reach other isolated ports of the bridge
}

// pair makes the pair of links, unless it is there.
func (w *wiring) pair(iface endpoint.Interface, bridge netlink.Link, inside bool, how netlinkPair) error {
	outer, err := w.host.LinkByName(iface.HostName)
	if err != nil && !isNotFound(err) {
		return err
	}
	if err == nil {
		if inside && outer.Attrs().Group != doomed {
			return w.join(outer, bridge, how.isolated)
		}
		// Its other end is not here: of a namespace that is no more. Or somebody
		// was killed who was about to remove it.
		if err := w.host.LinkDel(outer); err != nil && !isNoDevice(err) {
			return err
		}
	}
	how.attrs.Name = iface.HostName
	pair := netlink.NewVeth(how.attrs)
	pair.PeerName, pair.PeerHardwareAddr = iface.Name, how.mac
	pair.PeerNamespace = netlink.NsFd(w.netns.Fd())
	if err := w.host.LinkAdd(pair); err != nil {
		return err
	}
	return w.join(pair, bridge, how.isolated)
}

func (w *wiring) join(outer, bridge netlink.Link, isolated bool) error {
	if outer.Attrs().MasterIndex != bridge.Attrs().Index {
		if err := w.host.LinkSetMaster(outer, bridge); err != nil {
			return err
		}
	}
	if isolated {
		if err := w.host.LinkSetIsolated(outer, true); err != nil {
			return err
		}
	}
	return w.host.LinkSetUp(outer)
}

// isolated tells whether the bridge itself keeps the network's containers apart.
// Where it has the packet filter look at what it passes, the ruleset does: then
// the bridge would also stop what is published. It is called in the namespace of
// the host.
func isolated(r Record) bool {
	return !option(r.Network, optICC, true) && !isSysctl("net/bridge/bridge-nf-call-iptables", "1")
}

// setUp sets up the container's end.
func (w *wiring) setUp(iface endpoint.Interface, r Record) error {
	inner, err := w.inner.LinkByName(iface.Name)
	if err != nil {
		return err
	}
	if err := interfaceSysctls(iface); err != nil {
		return err
	}
	for _, a := range addressesOf(iface) {
		if err := addAddress(w.inner, inner, a); err != nil {
			return err
		}
	}
	if err := w.inner.LinkSetUp(inner); err != nil {
		return err
	}
	for _, route := range defaultRoutes(iface, r) {
		route.LinkIndex = inner.Attrs().Index
		if err := w.inner.RouteReplace(&route); err != nil {
			return fmt.Errorf("setting the default route: %w", err)
		}
	}
	return nil
}

// interfaceSysctls is done before the interface comes up.
func interfaceSysctls(iface endpoint.Interface) error {
	var set [][2]string
	if iface.Address6.IsValid() || hasIPv6(iface.LinkLocal) {
		set = append(set, [2]string{"net/ipv6/conf/" + iface.Name + "/accept_ra", "0"},
			[2]string{"net/ipv6/conf/" + iface.Name + "/disable_ipv6", "0"})
	}
	for key, value := range iface.Sysctls {
		parts := strings.Split(key, ".")
		for n, p := range parts {
			if p == "IFNAME" {
				parts[n] = iface.Name
			}
		}
		set = append(set, [2]string{strings.Join(parts, "/"), value})
	}
	for _, s := range set {
		if err := setSysctl(s[0], s[1]); err != nil {
			return err
		}
	}
	return nil
}

func hasIPv6(list []netip.Addr) bool {
	for _, a := range list {
		if a.Is6() {
			return true
		}
	}
	return false
}

// Sizes of the link-local subnets (RFC 3927, RFC 4291).
const (
	linkLocalBits  = 16
	linkLocalBits6 = 64
)

func addressesOf(iface endpoint.Interface) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range []netip.Prefix{iface.Address, iface.Address6} {
		if p.IsValid() {
			out = append(out, p)
		}
	}
	for _, a := range iface.LinkLocal {
		bits := linkLocalBits
		if a.Is6() {
			bits = linkLocalBits6
		}
		out = append(out, netip.PrefixFrom(a, bits))
	}
	return out
}

// defaultRoutes returns those that lead through the interface: by its gateway, or
// into the link where that knows the way.
func defaultRoutes(iface endpoint.Interface, r Record) []netlink.Route {
	var out []netlink.Route
	for _, d := range []struct {
		is  bool
		gw  netip.Addr
		all string
	}{{iface.Default, iface.Gateway, "0.0.0.0/0"}, {iface.Default6, iface.Gateway6, "::/0"}} {
		switch {
		case !d.is:
		case r.routed():
			out = append(out, netlink.Route{Dst: ipNet(netip.MustParsePrefix(d.all)), Scope: netlink.SCOPE_LINK})
		default:
			out = append(out, netlink.Route{Gw: d.gw.AsSlice()})
		}
	}
	return out
}
