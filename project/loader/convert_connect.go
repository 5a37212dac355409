package loader

import (
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// connect fills in what the service's containers are connected to, and what
// they know of others.
func (p place) connect(s types.ServiceConfig, t *project.Container) {
	t.Ports = p.in("ports").ports(s.Ports)
	t.Links = p.links(s)
	t.DNS = p.resolver(s)
	t.ExtraHosts = p.in("extra_hosts").hosts(s.ExtraHosts)
	var known bool
	if len(s.Networks) == 0 {
		known = p.in("network_mode").mode(s.NetworkMode, t)
	} else {
		known = p.endpoints(s, t)
	}
	p.serviceMAC(s, t)
	switch {
	case strings.HasPrefix(s.NetworkMode, project.ModeService), strings.HasPrefix(s.NetworkMode, project.ModeContainer):
		p.checkShared(s)
	case t.NetworkMode == project.ModeHost:
		p.checkOnHost(s, t)
	case !known:
	case len(t.Networks) == 0:
		p.checkOnNone(s, t)
	default:
		p.publish(t)
		p.checkLinks(s, t)
	}
}

// mode reads network_mode; ok is false when it is a problem.
func (p place) mode(text string, t *project.Container) (ok bool) {
	kind, name, _ := strings.Cut(text, ":")
	switch {
	case text == "none":
	case text == "host":
		t.NetworkMode = project.ModeHost
	case text == "bridge" || text == "default": // which mean the same to Docker
		p.c.bridged = true
		t.Networks = []project.Endpoint{{Network: project.DefaultBridge}}
	case kind+":" == project.ModeService && name != "":
		t.NetworkMode = p.c.modeOf(name)
	case kind+":" == project.ModeContainer && resourceName().MatchString(name):
		t.NetworkMode = project.NetworkMode(text)
	default:
		p.problem("%q is not one of bridge, host, none, service:NAME, container:NAME; "+
			"for a network of yours use networks", text)
		return false
	}
	return true
}

// modeOf returns the mode of who shares the namespace of a service: that of the
// service that it is shared with itself, if it is.
func (c *converter) modeOf(service string) project.NetworkMode {
	mode := project.NetworkMode(project.ModeService + service)
	for range c.model.Services { // a cycle is found elsewhere
		s, ok := c.model.Services[mode.SharedService()]
		switch next := project.NetworkMode(s.NetworkMode); {
		case !ok:
			return mode
		case next == project.ModeHost, c.onHost(s):
			return project.ModeHost
		case next.SharedContainer() != "":
			return next
		case next.SharedService() == "":
			return mode
		default:
			mode = next
		}
	}
	return mode
}

// onHost tells whether a service's one network is the host's.
func (c *converter) onHost(s types.ServiceConfig) bool {
	for key := range s.Networks {
		if c.networks[key].special == hostNetwork {
			return true
		}
	}
	return false
}

// checkShared finds what a container cannot have of its own in the namespace of
// another. All but the last three are refused by Docker too.
func (p place) checkShared(s types.ServiceConfig) {
	for _, a := range []struct {
		name string
		set  bool
	}{
		{"ports", len(s.Ports) > 0},
		{"expose", len(s.Expose) > 0},
		{"hostname", s.Hostname != ""},
		{"links", len(s.Links) > 0},
		{"external_links", len(s.ExternalLinks) > 0},
		{"mac_address", s.MacAddress != ""},
		{"dns", len(s.DNS) > 0},
		{"extra_hosts", len(s.ExtraHosts) > 0},
		{"dns_opt", len(s.DNSOpts) > 0},
		{"dns_search", len(s.DNSSearch) > 0},
		{"domainname", s.DomainName != ""},
	} {
		if a.set {
			p.in(a.name).problem("conflicts with network_mode %s, whose network, ports and names the container shares; "+
				"move it there", s.NetworkMode)
		}
	}
}

// checkOnHost drops published ports, as Docker does.
func (p place) checkOnHost(s types.ServiceConfig, t *project.Container) {
	if len(t.Ports) > 0 {
		p.in("ports").warn("nothing is published: the service is on the host's network, and listens there itself; remove it")
		t.Ports = nil
	}
	p.noLinks(s, "the service is on the host's network, where the project's names are not known; remove it")
	if s.MacAddress != "" {
		p.in("mac_address").problem("conflicts with the host's network, whose interfaces stay as they are; remove it")
	}
	for _, name := range sortedKeys(s.Sysctls) {
		if strings.HasPrefix(name, "net.") {
			p.in("sysctls", name).problem("is a setting of the network, which is the host's; set it there")
		}
	}
}

func (p place) checkOnNone(s types.ServiceConfig, t *project.Container) {
	if len(t.Ports) > 0 {
		p.in("ports").warn("nothing is published: the service is on no network; remove it")
		t.Ports = nil
	}
	p.noLinks(s, "the service is on no network; remove it")
	if s.MacAddress != "" {
		p.in("mac_address").problem("conflicts with network_mode none: there is no interface to have it; remove it")
	}
}

// noLinks reports links where there can be none.
func (p place) noLinks(s types.ServiceConfig, why string) {
	if len(s.Links) > 0 {
		p.in("links").problem("cannot be: %s", why)
	}
	if len(s.ExternalLinks) > 0 {
		p.in("external_links").problem("cannot be: %s", why)
	}
}

// publish drops the ports of a service that nobody outside reaches, and gives
// those that name no address of the host's the one that their network has for
// them.
func (p place) publish(t *project.Container) {
	if len(t.Ports) == 0 {
		return
	}
	at := p.in("ports")
	way, ok := p.c.wayOut(t.Networks)
	var reach []project.Endpoint
	for _, e := range t.Networks {
		if n := p.c.named(e.Network); !n.Internal && publishes(n) {
			reach = append(reach, e)
		}
	}
	switch {
	case !ok:
		at.warn("nothing is published: the service is on internal networks only, which nobody outside reaches; " +
			"put it on another network too, or remove it")
		t.Ports = nil
	case len(reach) == 0:
		at.warn("nothing is published: the service is on no bridge network, and reached at its own address; remove it")
		t.Ports = nil
	case !publishes(way):
		at.problem(notYet+"published ports lead to the network of the default route, and the host does not reach "+
			"containers on %s, which is %s; give a bridge network the highest gw_priority", way.Name, way.Driver)
	}
	host := way.Options[hostBinding]
	if host == "" || host == "0.0.0.0" { // every address, of IPv6 too, as with Docker
		return
	}
	for i := range t.Ports {
		if t.Ports[i].HostIP == "" {
			t.Ports[i].HostIP = host
		}
	}
	t.Ports = sortedPorts(t.Ports)
}

// wayOut returns the network that the default route leads through, as far as
// the files tell.
func (c *converter) wayOut(endpoints []project.Endpoint) (way project.Network, ok bool) {
	best := 0
	for _, e := range endpoints {
		n := c.named(e.Network)
		if n.Internal || ok && e.GatewayPriority <= best {
			continue
		}
		way, best, ok = n, e.GatewayPriority, true
	}
	return way, ok
}

// publishes tells whether a network's containers are reached by the host. What
// an external one is like is not known here.
func publishes(n project.Network) bool {
	return n.Driver != project.DriverMacvlan && n.Driver != project.DriverIpvlan
}

// named returns the network of a full name; one that is not of the files has
// only its name.
func (c *converter) named(name string) project.Network {
	for _, key := range sortedKeys(c.networks) {
		if n := c.networks[key]; n.Name == name && n.special == "" {
			return n.Network
		}
	}
	return project.Network{Name: name}
}
