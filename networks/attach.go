package networks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/vishvananda/netlink"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
	"github.com/gocompose/gocompose/networks/nft"
)

// AttachRequest says where a container belongs.
type AttachRequest struct {
	ID      string // of the container
	Name    string
	Project string
	Service string
	// Endpoints in the order of connection: the first one has the default
	// route. None: the container gets a loopback and nothing else.
	Endpoints []NetworkEndpoint
	// DNSPort is where, on 127.0.0.11 in the container's namespace, questions
	// to 127.0.0.11:53 are answered; 0 leaves them alone.
	DNSPort uint16
}

// NetworkEndpoint is a container's place in one network.
type NetworkEndpoint struct {
	Network string // the full name; the network must exist
	// Names the other containers of the network know it by.
	Names []string
}

// Attach makes the container's network namespace and connects it, or makes
// whole what there is of it; addresses that the container holds stay its own.
// An Attach that fails where there was nothing leaves nothing. The Ports of what
// it returns are those that are published for the container already.
func (n *Networks) Attach(ctx context.Context, req AttachRequest) (endpoint.Endpoint, error) {
	e, found, err := n.attached(ctx, req)
	if err == nil && !found {
		e, err = n.reserve(ctx, req)
	}
	if err == nil {
		err = n.connect(ctx, e, req.DNSPort)
	}
	if err == nil {
		return e, nil
	}
	err = fmt.Errorf("connecting container %s to its networks: %w", req.Name, err)
	if !found {
		err = errors.Join(err, n.Detach(context.WithoutCancel(ctx), req.ID))
	}
	return endpoint.Endpoint{}, err
}

// attached returns the record of an earlier Attach that asked for the same. One
// that asked for something else is undone.
func (n *Networks) attached(ctx context.Context, req AttachRequest) (endpoint.Endpoint, bool, error) {
	e, err := endpoint.Read(n.paths.Endpoints(), req.ID)
	if errors.Is(err, endpoint.ErrNotFound) {
		return endpoint.Endpoint{}, false, nil
	}
	if err != nil {
		return endpoint.Endpoint{}, false, err
	}
	same := slices.EqualFunc(e.Interfaces, req.Endpoints, func(i endpoint.Interface, w NetworkEndpoint) bool {
		return i.Network == w.Network && slices.Equal(i.Names, w.Names)
	})
	if same && e.Name == req.Name && e.Project == req.Project && e.Service == req.Service {
		return e, true, nil
	}
	return endpoint.Endpoint{}, false, n.Detach(ctx, req.ID)
}

// reserve gives the container its addresses and writes them down.
func (n *Networks) reserve(ctx context.Context, req AttachRequest) (endpoint.Endpoint, error) {
	if err := endpoint.CheckID(req.ID); err != nil {
		return endpoint.Endpoint{}, err
	}
	e := endpoint.Endpoint{
		ID: req.ID, Name: req.Name, Project: req.Project, Service: req.Service,
		Netns: filepath.Join(n.paths.Netns(), req.ID),
	}
	err := n.locked(ctx, recordsLock, func() error {
		for i, want := range req.Endpoints {
			iface, err := n.lease(req, want)
			if err != nil {
				return err
			}
			iface.Name, iface.HostName = fmt.Sprintf("eth%d", i), n.hostLinkName(req.ID, i)
			e.Interfaces = append(e.Interfaces, iface)
		}
		return endpoint.Write(n.paths.Endpoints(), e)
	})
	return e, err
}

func (n *Networks) lease(req AttachRequest, want NetworkEndpoint) (endpoint.Interface, error) {
	r, err := n.read(want.Network)
	if err != nil {
		return endpoint.Interface{}, err
	}
	l, err := n.readLeases(r.Name)
	if err != nil {
		return endpoint.Interface{}, err
	}
	addr, err := l.take(r, req.ID, req.Name)
	if err != nil {
		return endpoint.Interface{}, err
	}
	return endpoint.Interface{
		Network: r.Name, Address: netip.PrefixFrom(addr, r.Subnet.Bits()), Gateway: r.Gateway,
		MAC: hardwareAddr(addr).String(), Names: want.Names,
	}, n.writeLeases(r.Name, l)
}

// wiring is the connecting of one container.
type wiring struct {
	endpoint endpoint.Endpoint
	bridges  []netlink.Link  // one an interface
	host     *netlink.Handle // links outside
	links    *netlink.Handle // links inside
	netns    *os.File        // the inside
	dnsPort  uint16
}

// connect makes in the kernel what the record says.
func (n *Networks) connect(ctx context.Context, e endpoint.Endpoint, dnsPort uint16) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	host, err := openLinks()
	if err != nil {
		return err
	}
	defer host.Close()
	w := wiring{endpoint: e, host: host, dnsPort: dnsPort}
	for _, i := range e.Interfaces {
		bridge, err := n.bridge(ctx, host, i.Network)
		if err != nil {
			return err
		}
		w.bridges = append(w.bridges, bridge)
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	exists, err := netns.Exists(e.Netns)
	if err != nil {
		return err
	}
	if exists {
		return netns.Do(e.Netns, func() error { return w.inside(ctx) })
	}
	return netns.Create(e.Netns, func() error { return w.inside(ctx) })
}

// bridge returns the network's bridge. After a reboot there is none until
// somebody needs it.
func (n *Networks) bridge(ctx context.Context, host *netlink.Handle, network string) (netlink.Link, error) {
	name := n.bridgeName(network)
	link, err := host.LinkByName(name)
	if !isNotFound(err) {
		return link, err
	}
	r, err := n.read(network)
	if err != nil {
		return nil, err
	}
	if err := n.ensure(ctx, r); err != nil {
		return nil, err
	}
	return host.LinkByName(name)
}

// inside does the wiring on a thread that is in the container's namespace.
func (w *wiring) inside(ctx context.Context) (err error) {
	if w.netns, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return err
	}
	defer w.netns.Close()
	if w.links, err = openLinks(); err != nil {
		return err
	}
	defer w.links.Close()
	// Networks have no IPv6: an interface must not look as if it had. The
	// loopback keeps ::1.
	if err := setSysctl("net/ipv6/conf/default/disable_ipv6", "1"); err != nil {
		return err
	}
	if err := w.links.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: loopback}}); err != nil {
		return fmt.Errorf("bringing up the loopback: %w", err)
	}
	for i, iface := range w.endpoint.Interfaces {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := w.plug(iface, w.bridges[i]); err != nil {
			return fmt.Errorf("making the link to network %q: %w", iface.Network, err)
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := w.address(iface, i == 0); err != nil {
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

// plug makes the pair of links that connects the container with the bridge.
func (w *wiring) plug(iface endpoint.Interface, bridge netlink.Link) error {
	outer, err := w.host.LinkByName(iface.HostName)
	if err != nil && !isNotFound(err) {
		return err
	}
	if err == nil {
		if _, err := w.links.LinkByName(iface.Name); err == nil && outer.Attrs().Group != doomed {
			return w.join(outer, bridge)
		}
		// Its other end is not here: of a namespace that is no more. Or somebody
		// was killed who was about to remove it.
		if err := w.host.LinkDel(outer); err != nil && !isNoDevice(err) {
			return err
		}
	}
	mac, err := net.ParseMAC(iface.MAC)
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = iface.HostName, bridge.Attrs().MTU
	pair := netlink.NewVeth(attrs)
	pair.PeerName, pair.PeerHardwareAddr = iface.Name, mac
	pair.PeerNamespace = netlink.NsFd(w.netns.Fd())
	if err := w.host.LinkAdd(pair); err != nil {
		return err
	}
	return w.join(pair, bridge)
}

func (w *wiring) join(outer, bridge netlink.Link) error {
	if outer.Attrs().MasterIndex != bridge.Attrs().Index {
		if err := w.host.LinkSetMaster(outer, bridge); err != nil {
			return err
		}
	}
	return w.host.LinkSetUp(outer)
}

// address sets up the container's end.
func (w *wiring) address(iface endpoint.Interface, defaultRoute bool) error {
	inner, err := w.links.LinkByName(iface.Name)
	if err != nil {
		return err
	}
	if err := w.links.AddrReplace(inner, &netlink.Addr{IPNet: ipNet(iface.Address)}); err != nil {
		return err
	}
	if err := w.links.LinkSetUp(inner); err != nil {
		return err
	}
	if !defaultRoute {
		return nil
	}
	return w.links.RouteReplace(&netlink.Route{LinkIndex: inner.Attrs().Index, Gw: iface.Gateway.AsSlice()})
}
