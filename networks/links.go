package networks

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// defaultMTU is Ethernet's, for a host without a default route.
const defaultMTU = 1500

// Answers that mean that the world is already as it should be.
func isNotFound(err error) bool { return errors.As(err, &netlink.LinkNotFoundError{}) }
func isNoDevice(err error) bool { return errors.Is(err, unix.ENODEV) || isNotFound(err) }

// hardwareAddr makes a link's address from its IP address, locally administered,
// as Docker does: who gets an address again also answers to what its neighbours
// remember of the former holder.
func hardwareAddr(a netip.Addr) net.HardwareAddr {
	if a.Is4() {
		b := a.As4()
		return net.HardwareAddr{0x02, 0x47, b[0], b[1], b[2], b[3]}
	}
	sum := sha256.Sum256(a.AsSlice())
	return net.HardwareAddr{0x02, 0x67, sum[0], sum[1], sum[2], sum[3]}
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// openLinks returns a connection to the kernel's links in the namespace of the
// calling thread. It stays with that namespace.
func openLinks() (*netlink.Handle, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening netlink: %w", err)
	}
	return h, nil
}

// dumps is how often a list is asked for that changes while the kernel tells it.
const dumps = 10

// whole returns a list of the kernel that did not change while it was told, if
// that can be had; else what there is of it.
func whole[T any](list func() ([]T, error)) (all []T, err error) {
	for range dumps {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return all, err
		}
	}
	return all, nil
}

// uplinkMTU is what fits through the device of the default route: more would
// be lost on hosts behind a VPN or in some clouds, silently.
func uplinkMTU(h *netlink.Handle) (int, error) {
	routes, err := whole(func() ([]netlink.Route, error) { return h.RouteList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return 0, fmt.Errorf("reading the routes: %w", err)
	}
	var best *netlink.Route
	for i, r := range routes {
		if isDefault(r) && (best == nil || r.Priority < best.Priority) {
			best = &routes[i]
		}
	}
	if best == nil {
		return defaultMTU, nil
	}
	index := best.LinkIndex
	if index == 0 && len(best.MultiPath) > 0 {
		index = best.MultiPath[0].LinkIndex
	}
	link, err := h.LinkByIndex(index)
	if isNotFound(err) {
		return defaultMTU, nil
	}
	if err != nil {
		return 0, err
	}
	return link.Attrs().MTU, nil
}

func isDefault(r netlink.Route) bool {
	if r.Dst == nil {
		return true
	}
	ones, _ := r.Dst.Mask.Size()
	return ones == 0
}

// takenPrefixes returns what this host already uses or reaches in some other
// way than by its default route. Routes wider than any network has, such as the
// two halves that some VPNs lay over the default route, are no use of anything.
func takenPrefixes() ([]netip.Prefix, error) {
	h, err := openLinks()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	var nets []*net.IPNet
	for _, f := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := whole(func() ([]netlink.Route, error) {
			return h.RouteListFiltered(f, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
		})
		if err != nil {
			return nil, fmt.Errorf("reading the routes: %w", err)
		}
		addrs, err := whole(func() ([]netlink.Addr, error) { return h.AddrList(nil, f) })
		if err != nil {
			return nil, fmt.Errorf("reading the addresses: %w", err)
		}
		for _, r := range routes {
			nets = append(nets, r.Dst)
		}
		for _, a := range addrs {
			nets = append(nets, a.IPNet)
		}
	}
	return prefixes(nets), nil
}

// sparesHost refuses a bridge over a subnet in which the host has an address
// itself: the host would look for everybody there, its router perhaps, behind the
// bridge. A route over it is the user's choice, as with Docker.
func (r Record) sparesHost() error {
	if !r.bridged() {
		return nil
	}
	h, err := openLinks()
	if err != nil {
		return err
	}
	defer h.Close()
	links, err := whole(h.LinkList)
	if err != nil {
		return fmt.Errorf("reading the links: %w", err)
	}
	for _, l := range links {
		if strings.HasPrefix(l.Attrs().Name, ourLinks) {
			continue // other networks, of which the records tell, or what is left of this one
		}
		addrs, err := whole(func() ([]netlink.Addr, error) { return h.AddrList(l, netlink.FAMILY_ALL) })
		if err != nil {
			return fmt.Errorf("reading the addresses: %w", err)
		}
		for _, a := range addrs {
			ip, _ := netip.AddrFromSlice(a.IP)
			for _, p := range r.Pools {
				if ip = ip.Unmap(); p.Subnet.Contains(ip) {
					return fmt.Errorf("the subnet %s of network %q is where the host has %s (%s), which would lose its neighbours there: "+
						"choose another one, or leave it out; driver macvlan puts containers among them", p.Subnet, r.Name, ip, l.Attrs().Name)
				}
			}
		}
	}
	return nil
}

// widest is the size of the widest networks there are (RFC 1918: 10.0.0.0/8).
const widest = 8

func prefixes(nets []*net.IPNet) []netip.Prefix {
	var ps []netip.Prefix
	for _, n := range nets {
		if n == nil {
			continue
		}
		a, ok := netip.AddrFromSlice(n.IP)
		ones, _ := n.Mask.Size()
		if ok && ones >= widest {
			ps = append(ps, netip.PrefixFrom(a.Unmap(), ones).Masked())
		}
	}
	return ps
}

// removeLink removes one link by name. No such link is no error.
func removeLink(name string) error {
	h, err := openLinks()
	if err != nil {
		return err
	}
	defer h.Close()
	link, err := h.LinkByName(name)
	if err == nil {
		err = h.LinkDel(link)
	}
	if err != nil && !isNoDevice(err) {
		return fmt.Errorf("removing the link %s: %w", name, err)
	}
	return nil
}

// setSysctl sets a value in the namespace of the calling thread, when it is not
// set. A kernel without IPv6 has nothing to be set there.
func setSysctl(name, value string) error {
	path := "/proc/sys/" + name
	is, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(name, "net/ipv6/") {
		return nil
	}
	if err != nil {
		return err
	}
	if strings.TrimSpace(string(is)) == value {
		return nil
	}
	if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
		return fmt.Errorf("setting %s to %s: %w", strings.ReplaceAll(name, "/", "."), value, err)
	}
	return nil
}
