package networks

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/project"
)

// The options of networks, by Docker's names.
const (
	optBridgeName   = "com.docker.network.bridge.name"
	optMTU          = "com.docker.network.driver.mtu"
	optICC          = "com.docker.network.bridge.enable_icc"
	optMasquerade   = "com.docker.network.bridge.enable_ip_masquerade"
	optInhibitIPv4  = "com.docker.network.bridge.inhibit_ipv4"
	optHostIPv4     = "com.docker.network.host_ipv4"
	optIfacePrefix  = "com.docker.network.container_iface_prefix"
	optParent       = "parent"
	optMacvlanMode  = "macvlan_mode"
	optIpvlanMode   = "ipvlan_mode"
	optIpvlanFlag   = "ipvlan_flag"
	defaultIfPrefix = "eth"
)

// option tells whether an option is true; def is what its absence means.
func option(n project.Network, name string, def bool) bool {
	is, err := strconv.ParseBool(n.Options[name])
	if err != nil {
		return def
	}
	return is
}

// chooseLink names the link of the host that the network is made of.
func (n *Networks) chooseLink(r *Record, others []Record) error {
	if !r.bridged() {
		return n.chooseParent(r)
	}
	r.Link = n.bridgeName(r.Name)
	asked := r.Options[optBridgeName]
	if asked == "" {
		return nil
	}
	if i := slices.IndexFunc(others, func(o Record) bool { return o.Link == asked }); i >= 0 {
		return fmt.Errorf("the bridge %s of network %q is that of network %q: choose another %s", asked, r.Name, others[i].Name, optBridgeName)
	}
	h, err := openLinks()
	if err != nil {
		return err
	}
	defer h.Close()
	if _, err := h.LinkByName(asked); err == nil {
		return fmt.Errorf("network %q: this host has a link named %s already: choose another %s", r.Name, asked, optBridgeName)
	} else if !isNotFound(err) {
		return err
	}
	r.Link = asked
	return nil
}

// ensureBridge makes the network's bridge, with the gateways' addresses on it.
func ensureBridge(r Record) error {
	h, err := openLinks()
	if err != nil {
		return err
	}
	defer h.Close()
	link, err := h.LinkByName(r.Link)
	if isNotFound(err) {
		link, err = addBridge(h, r)
	}
	if err != nil {
		return fmt.Errorf("making the bridge %s: %w", r.Link, err)
	}
	if !strings.HasPrefix(r.Link, BridgePrefix) && link.Attrs().Alias != bridgeAlias {
		if err := h.LinkSetAlias(link, bridgeAlias); err != nil {
			return fmt.Errorf("marking the bridge %s as ours: %w", r.Link, err)
		}
	}
	if err := setBridgeSysctls(r); err != nil {
		return err
	}
	for _, p := range r.Pools {
		if !p.Gateway.IsValid() || p.Gateway.Is4() && option(r.Network, optInhibitIPv4, false) {
			continue
		}
		if err := addAddress(h, link, netip.PrefixFrom(p.Gateway, p.Subnet.Bits())); err != nil {
			return fmt.Errorf("giving %s to the bridge %s: %w", p.Gateway, r.Link, err)
		}
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("bringing up the bridge %s: %w", r.Link, err)
	}
	return nil
}

// addAddress gives an address to a link, which may have it already. One of IPv6 is
// used at once: nobody else can have it, so the kernel need not ask around.
func addAddress(h *netlink.Handle, link netlink.Link, p netip.Prefix) error {
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return h.AddrReplace(link, a)
}

// setBridgeSysctls is done before it comes up: so that nothing answers there that
// nobody set up.
func setBridgeSysctls(r Record) error {
	off := "1"
	if len(r.pools(ipv6)) > 0 {
		off = "0"
	}
	for _, s := range [][2]string{
		{"net/ipv6/conf/" + r.Link + "/accept_ra", "0"},
		{"net/ipv6/conf/" + r.Link + "/disable_ipv6", off},
		// A port of 127.0.0.1 leads to a container: that packet has a loopback
		// address and leaves by the bridge. The ruleset keeps others from
		// coming in by the same way.
		{"net/ipv4/conf/" + r.Link + "/route_localnet", "1"},
	} {
		if err := setSysctl(s[0], s[1]); err != nil {
			return err
		}
	}
	return nil
}

func addBridge(h *netlink.Handle, r Record) (netlink.Link, error) {
	mtu, err := mtuOf(h, r)
	if err != nil {
		return nil, err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = r.Link
	// A bridge without an address of its own takes the lowest of its ports'.
	attrs.HardwareAddr = hardwareAddr(r.Pools[0].Subnet.Addr().Next())
	if err := h.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, err
	}
	link, err := h.LinkByName(r.Link)
	if err != nil {
		return nil, err
	}
	// One that it is made with does not last: the kernel goes back to 1500 when
	// the last container leaves, unless it was changed later.
	if err := h.LinkSetMTU(link, mtu); err != nil {
		return nil, fmt.Errorf("setting the MTU to %d: %w", mtu, err)
	}
	return link, nil
}

// mtuOf is what the network asks for, or else the uplink's.
func mtuOf(h *netlink.Handle, r Record) (int, error) {
	if asked, err := strconv.Atoi(r.Options[optMTU]); err == nil {
		return asked, nil
	}
	return uplinkMTU(h)
}
