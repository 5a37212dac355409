package loader

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// endpoints fills in a service's networks in the order of connection; ok is
// false when one of them is a problem.
func (p place) endpoints(s types.ServiceConfig, t *project.Container) (ok bool) {
	ok = true
	for _, key := range s.NetworksByPriority() {
		at := p.in("networks", key)
		n, known := p.c.networks[key]
		config := s.Networks[key]
		if config == nil {
			config = &types.ServiceNetworkConfig{}
		}
		switch {
		case !known:
			p.add(undefinedNetwork(at.path, key))
			ok = false
			continue
		case n.special != "" && len(s.Networks) > 1:
			at.problem("is the network %s that every host has, which cannot be joined together with others; "+
				"remove it, or the others", n.special)
			ok = false
			continue
		case n.special != "":
			at.specialEndpoint(n.special, config, t)
			continue
		}
		e := at.endpoint(n.Network, config, s)
		if slices.ContainsFunc(t.Networks, func(o project.Endpoint) bool { return o.Network == e.Network }) {
			at.problem("is the network %s, which the service is on already", e.Network)
			ok = false
			continue
		}
		if slices.ContainsFunc(t.Networks, func(o project.Endpoint) bool {
			return o.Interface == e.Interface && e.Interface != ""
		}) {
			e.named.problem("%q is the interface of another network already; choose another name", e.Interface)
		}
		t.Networks = append(t.Networks, e.Endpoint)
	}
	return ok
}

// specialEndpoint is the place on a network that every host has: without names
// and addresses of one's own.
func (p place) specialEndpoint(special string, config *types.ServiceNetworkConfig, t *project.Container) {
	bridge := special == project.DefaultBridge
	for _, a := range []struct {
		name string
		set  bool
	}{
		{"aliases", len(config.Aliases) > 0},
		{"ipv4_address", config.Ipv4Address != ""},
		{"ipv6_address", config.Ipv6Address != ""},
		{"link_local_ips", len(config.LinkLocalIPs) > 0},
		{"driver_opts", len(config.DriverOpts) > 0},
		{"interface_name", config.InterfaceName != ""},
		{"mac_address", config.MacAddress != "" && !bridge},
	} {
		if a.set {
			p.in(a.name).problem("cannot be on the network %s that every host has; use a network of your own, or remove it", special)
		}
	}
	switch special {
	case hostNetwork:
		t.NetworkMode = project.ModeHost
	case project.DefaultBridge:
		p.c.bridged = true
		t.Networks = []project.Endpoint{{Network: project.DefaultBridge, MAC: p.in("mac_address").mac(config.MacAddress)}}
	}
}

// placed is an endpoint with the attribute that names its interface.
type placed struct {
	project.Endpoint
	named place
}

func (p place) endpoint(n project.Network, config *types.ServiceNetworkConfig, s types.ServiceConfig) placed {
	e := placed{named: p.in("interface_name")}
	e.Network = n.Name
	for i, alias := range config.Aliases {
		if !dnsName().MatchString(alias) {
			p.in("aliases", index(i)).near(alias, "%q is not a name: want letters, digits, and between them also _ . -", alias)
		}
	}
	e.Aliases = sortedSet(config.Aliases)
	e.GatewayPriority = config.GatewayPriority
	e.IPv4 = p.fixed("ipv4_address", config.Ipv4Address, n, s)
	e.IPv6 = p.fixed("ipv6_address", config.Ipv6Address, n, s)
	e.LinkLocal = p.linkLocal(config.LinkLocalIPs, s)
	e.MAC = p.in("mac_address").endpointMAC(config.MacAddress, n, s)
	if name := config.InterfaceName; name != "" {
		p.in("interface_name").interfaceName(name)
		e.Interface = name
	}
	p.endpointOptions(config.DriverOpts, &e)
	return e
}

func (p place) interfaceName(name string) {
	if wrong := checkInterface(name); wrong != "" {
		p.problem("%s", wrong)
	} else if name == "lo" {
		p.problem("%q is the container's loopback; choose another name", name)
	}
}

// endpointOptions reads the driver_opts of a service's network.
func (p place) endpointOptions(opts types.Options, e *placed) {
	for _, name := range sortedKeys(opts) {
		at := p.in("driver_opts", name)
		switch value := opts[name]; name {
		case endpointSysctls:
			e.Sysctls = at.endpointSysctls(value)
		case endpointName:
			at.interfaceName(value)
			if e.Interface != "" && e.Interface != value {
				at.problem("%q is not the interface_name %q; remove one of them", value, e.Interface)
			}
			e.Interface, e.named = value, at
		default:
			at.problem(notYet+"of the options of a service's network, only %s and %s are", endpointName, endpointSysctls)
		}
	}
}

// interfaceSysctl is a setting of one interface, by Docker's rule.
var interfaceSysctl = lazily(`^net\.[a-z0-9_]+\.[a-z0-9_]+\.IFNAME\.[a-z0-9_]+$`)

// endpointSysctls reads "net.ipv4.conf.IFNAME.log_martians=1,…".
func (p place) endpointSysctls(text string) map[string]string {
	out := map[string]string{}
	for _, item := range strings.Split(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok || value == "" || !interfaceSysctl().MatchString(name) {
			p.problem("%q is not a setting like net.ipv4.conf.IFNAME.log_martians=1", item)
			continue
		}
		out[name] = value
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// fixed reads an address that one container alone can have.
func (p place) fixed(key, text string, n project.Network, s types.ServiceConfig) netip.Addr {
	if text == "" {
		return netip.Addr{}
	}
	p = p.in(key)
	family, is4 := "IPv6", false
	if key == "ipv4_address" {
		family, is4 = "IPv4", true
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Is4() != is4 || a.Is4In6() || a.Zone() != "" {
		p.problem("%q is not an %s address", text, family)
		return netip.Addr{}
	}
	if s.GetScale() > 1 {
		p.problem("%v is one address, and there are %d replicas; remove it, or the scale", a, s.GetScale())
	}
	if !n.External && optionsOf(n.Driver) != nil {
		p.fits(a, family, n)
	}
	if p.c.fixed[n.Name] == nil {
		p.c.fixed[n.Name] = map[netip.Addr]string{}
	}
	if other, taken := p.c.fixed[n.Name][a]; taken && other != s.Name {
		p.problem("%v is the address of service %s already", a, other)
	}
	p.c.fixed[n.Name][a] = s.Name
	return a
}

// fits checks an address by the subnets of its network.
func (p place) fits(a netip.Addr, family string, n project.Network) {
	given := false
	for _, s := range n.Subnets {
		given = given || s.Subnet.Addr().Is4() == a.Is4()
		if !s.Subnet.Contains(a) {
			continue
		}
		switch {
		case !assignable(a, s.Subnet):
			p.problem("%v is the first or the last address of %v, which nobody can have", a, s.Subnet)
		case a == gatewayOf(s) && (s.Gateway.IsValid() || hasGateway(n)):
			p.problem("%v is the gateway of network %s; choose another", a, n.Key)
		}
		for _, name := range sortedKeys(s.Reserved) {
			if s.Reserved[name] == a {
				p.problem("%v is reserved in network %s (aux_addresses.%s); choose another", a, n.Key, name)
			}
		}
		return
	}
	if !given {
		p.problem("network %s has no %s subnet in the files; set one in its ipam.config", n.Key, family)
		return
	}
	p.problem("%v is in no subnet of network %s", a, n.Key)
}

// hasGateway tells whether a network has a gateway that nobody names: all but
// the routed modes of ipvlan have.
func hasGateway(n project.Network) bool {
	mode := n.Options["ipvlan_mode"]
	return n.Driver != project.DriverIpvlan || mode == "" || mode == "l2"
}

func (p place) linkLocal(list []string, s types.ServiceConfig) []netip.Addr {
	var out []netip.Addr
	for i, text := range list {
		at := p.in("link_local_ips", index(i))
		a, err := netip.ParseAddr(text)
		if err != nil || !a.IsLinkLocalUnicast() || a.Zone() != "" || a.Is4In6() {
			at.near(text, "%q is not an address of 169.254.0.0/16 or fe80::/10", text)
			continue
		}
		if s.GetScale() > 1 {
			at.near(text, "%v is one address, and there are %d replicas; remove it, or the scale", a, s.GetScale())
		}
		out = append(out, a)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// serviceMAC gives the service's mac_address to the network that is connected
// first.
func (p place) serviceMAC(s types.ServiceConfig, t *project.Container) {
	if s.MacAddress == "" || len(t.Networks) == 0 {
		return
	}
	p = p.in("mac_address")
	first := &t.Networks[0]
	mac := p.endpointMAC(s.MacAddress, p.c.named(first.Network), s)
	if first.MAC != "" && mac != "" && first.MAC != mac {
		p.problem("%s is not the mac_address of network %s, which is %s; remove it", mac, first.Network, first.MAC)
		return
	}
	first.MAC = mac
}

func (p place) endpointMAC(text string, n project.Network, s types.ServiceConfig) string {
	mac := p.mac(text)
	switch {
	case mac == "":
	case n.Driver == project.DriverIpvlan:
		p.problem("interfaces of ipvlan networks have their parent's address; remove it")
	case s.GetScale() > 1:
		p.problem("%s is one address, and there are %d replicas; remove it, or the scale", mac, s.GetScale())
	}
	return mac
}

// mac returns an Ethernet address of one interface as "02:42:ac:11:00:02".
func (p place) mac(text string) string {
	if text == "" {
		return ""
	}
	mac, err := net.ParseMAC(text)
	if err != nil || len(mac) != 6 || mac[0]&1 != 0 || bytes.Equal(mac, make([]byte, 6)) {
		p.problem("%q is not the address of an interface, like 02:42:ac:11:00:02", text)
		return ""
	}
	return mac.String()
}
