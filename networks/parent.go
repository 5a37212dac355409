package networks

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/project"
)

// chooseParent names the link that a macvlan or ipvlan network shares. Without
// one, and of an internal network, it is a pair of links that leads nowhere: its
// containers reach each other and nobody else.
func (n *Networks) chooseParent(r *Record) error {
	r.Link = r.Options[optParent]
	if r.Link == "" || r.Internal {
		r.Link, r.Made = n.bridgeName(r.Name), true
		return nil
	}
	h, err := openLinks()
	if err != nil {
		return err
	}
	defer h.Close()
	switch _, err := h.LinkByName(r.Link); {
	case isNotFound(err):
		return fmt.Errorf("network %q: this host has no link %s for its parent (ip link lists them)", r.Name, r.Link)
	case err != nil:
		return err
	}
	return nil
}

// ensureParent makes the parent, if it is one that is made, and holds that the
// kernel can share it.
func ensureParent(r Record) error {
	h, err := openLinks()
	if err != nil {
		return err
	}
	defer h.Close()
	if r.Made {
		if err := ensureNowhere(h, r); err != nil {
			return err
		}
	}
	return checkShare(h, r)
}

// checkShare makes a share and takes it away again. Containers would find out
// later, one by one.
func checkShare(h *netlink.Handle, r Record) error {
	parent, err := h.LinkByName(r.Link)
	if isNotFound(err) {
		return fmt.Errorf("network %q: this host has no link %s any more", r.Name, r.Link)
	}
	if err != nil || r.Options[optMacvlanMode] == "passthru" { // which only one can have
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = strings.Replace(nowhere(r.Link), ourLinks+"n", ourLinks+"t", 1), parent.Attrs().Index
	if !r.Made {
		attrs.Name = fmt.Sprintf("%st%d", ourLinks, parent.Attrs().Index)
	}
	link, err := share(r, attrs)
	if err != nil {
		return err
	}
	switch err := h.LinkAdd(link); {
	case errors.Is(err, unix.EEXIST): // somebody else is trying
		return nil
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("network %q: this kernel has no %s: use another driver, or a kernel with CONFIG_%s", r.Name, r.Driver, strings.ToUpper(r.Driver))
	case err != nil:
		return fmt.Errorf("network %q: sharing the link %s: %w", r.Name, r.Link, err)
	}
	return removeLink(attrs.Name)
}

// ensureNowhere makes the pair of links that leads nowhere.
func ensureNowhere(h *netlink.Handle, r Record) error {
	if _, err := h.LinkByName(r.Link); isNotFound(err) {
		err = addNowhere(h, r)
		if err != nil {
			return fmt.Errorf("making the link %s: %w", r.Link, err)
		}
	} else if err != nil {
		return err
	}
	for _, name := range []string{r.Link, nowhere(r.Link)} {
		if err := setSysctl("net/ipv6/conf/"+name+"/disable_ipv6", "1"); err != nil {
			return err
		}
		link, err := h.LinkByName(name)
		if err != nil {
			return err
		}
		if err := h.LinkSetUp(link); err != nil {
			return err
		}
	}
	return nil
}

// nowhere is the name of the other end of a made parent: without one that is up,
// the parent would have no carrier.
func nowhere(link string) string { return strings.Replace(link, BridgePrefix, ourLinks+"n", 1) }

func addNowhere(h *netlink.Handle, r Record) error {
	mtu, err := mtuOf(h, r)
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = r.Link, mtu
	pair := netlink.NewVeth(attrs)
	pair.PeerName = nowhere(r.Link)
	return h.LinkAdd(pair)
}

// share is a container's link that shares the parent.
func share(r Record, attrs netlink.LinkAttrs) (netlink.Link, error) {
	switch r.Driver {
	case project.DriverMacvlan:
		mode, ok := map[string]netlink.MacvlanMode{
			"": netlink.MACVLAN_MODE_BRIDGE, "bridge": netlink.MACVLAN_MODE_BRIDGE, "vepa": netlink.MACVLAN_MODE_VEPA,
			"private": netlink.MACVLAN_MODE_PRIVATE, "passthru": netlink.MACVLAN_MODE_PASSTHRU,
		}[r.Options[optMacvlanMode]]
		if !ok {
			return nil, fmt.Errorf("%s: there is no mode %q", optMacvlanMode, r.Options[optMacvlanMode])
		}
		return &netlink.Macvlan{LinkAttrs: attrs, Mode: mode}, nil
	case project.DriverIpvlan:
		return ipvlan(r, attrs)
	}
	return nil, fmt.Errorf("there is no network driver %q", r.Driver)
}

func ipvlan(r Record, attrs netlink.LinkAttrs) (netlink.Link, error) {
	attrs.HardwareAddr = nil // it is the parent's
	mode, ok := map[string]netlink.IPVlanMode{
		"": netlink.IPVLAN_MODE_L2, "l2": netlink.IPVLAN_MODE_L2, "l3": netlink.IPVLAN_MODE_L3, "l3s": netlink.IPVLAN_MODE_L3S,
	}[strings.ToLower(r.Options[optIpvlanMode])]
	if !ok {
		return nil, fmt.Errorf("%s: there is no mode %q", optIpvlanMode, r.Options[optIpvlanMode])
	}
	flag, ok := map[string]netlink.IPVlanFlag{
		"": netlink.IPVLAN_FLAG_BRIDGE, "bridge": netlink.IPVLAN_FLAG_BRIDGE, "private": netlink.IPVLAN_FLAG_PRIVATE, "vepa": netlink.IPVLAN_FLAG_VEPA,
	}[r.Options[optIpvlanFlag]]
	if !ok {
		return nil, fmt.Errorf("%s: there is no flag %q", optIpvlanFlag, r.Options[optIpvlanFlag])
	}
	return &netlink.IPVlan{LinkAttrs: attrs, Mode: mode, Flag: flag}, nil
}

// routed tells whether packets of the network's containers find their way
// without a gateway: an ipvlan that does not know of link layers.
func (r Record) routed() bool {
	mode := strings.ToLower(r.Options[optIpvlanMode])
	return r.Driver == project.DriverIpvlan && (mode == "l3" || mode == "l3s")
}
