package planner

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/gocompose/gocompose/project"
)

func texts(why []Reason) []string {
	var out []string
	for _, r := range why {
		out = append(out, r.String())
	}
	return out
}

func TestReasonsOfNetworksReadAsInAComposeFile(t *testing.T) {
	have := Container{Spec: project.Container{
		Ports: []project.Port{{Target: 80, Protocol: "tcp", Published: 8080, PublishedEnd: 8090}},
		Networks: []project.Endpoint{{
			Network: "shop_back", IPv4: netip.MustParseAddr("10.1.0.9"), MAC: "02:42:0a:01:00:09", GatewayPriority: -1,
		}},
		Links: []project.Link{{Service: "db", Alias: "database"}},
		DNS:   project.Resolver{Servers: []netip.Addr{netip.MustParseAddr("10.1.0.53")}, Search: []string{"example.org"}},
	}}
	want := project.Container{
		Domainname: "example.org",
		Ports:      []project.Port{{Target: 80, Protocol: "tcp", HostIP: "::1", Published: 8080, PublishedEnd: 8081}},
		Networks: []project.Endpoint{{
			Network: "shop_back", IPv6: netip.MustParseAddr("fd00::9"), LinkLocal: []netip.Addr{netip.MustParseAddr("169.254.8.8")},
			Interface: "front0", Sysctls: map[string]string{"net.ipv4.conf.IFNAME.log_martians": "1"},
		}},
		Links: []project.Link{{Service: "db", Alias: "db"}, {Container: "blog-web-1", Alias: "blog"}},
		DNS:   project.Resolver{Options: []string{"ndots:1"}, Search: []string{"."}},
	}
	wanted := []string{
		"domainname: none -> example.org",
		"ports: 8080-8090:80/tcp -> [::1]:8080-8081:80/tcp",
		"networks.shop_back.ipv4_address: 10.1.0.9 -> none",
		"networks.shop_back.ipv6_address: none -> fd00::9",
		"networks.shop_back.link_local_ips: none -> 169.254.8.8",
		"networks.shop_back.mac_address: 02:42:0a:01:00:09 -> none",
		"networks.shop_back.interface_name: none -> front0",
		"networks.shop_back.gw_priority: -1 -> none",
		"networks.shop_back.sysctls.net.ipv4.conf.IFNAME.log_martians: none -> 1",
		"links: db:database -> db:db",
		"external_links: none -> blog-web-1:blog",
		"dns: 10.1.0.53 -> none",
		"dns_opt: none -> ndots:1",
		"dns_search: example.org -> .",
	}
	if got := texts(diff(have, want, nil)); !slices.Equal(got, wanted) {
		t.Errorf("got  %q\nwant %q", got, wanted)
	}
	on := func(mode project.NetworkMode, networks ...string) project.Container {
		c := project.Container{NetworkMode: mode}
		for _, n := range networks {
			c.Networks = append(c.Networks, project.Endpoint{Network: n})
		}
		return c
	}
	for _, c := range []struct {
		have, want project.Container
		reasons    []string
	}{
		{on(""), on(project.ModeHost), []string{"network_mode: none -> host"}},
		{on("", "shop_default"), on("service:vpn"), []string{"network_mode: default -> service:vpn", "networks: shop_default -> none"}},
		{on("container:vpn"), on("container:vpn"), nil},
	} {
		if got := texts(diff(Container{Spec: c.have}, c.want, nil)); !slices.Equal(got, c.reasons) {
			t.Errorf("got  %q\nwant %q", got, c.reasons)
		}
	}
}

func TestADefinitionThatDiffersSaysWhere(t *testing.T) {
	have := project.Network{
		Name: "shop_default", Project: "shop", Driver: "bridge", Labels: map[string]string{"token": "hunter2"},
		Options: map[string]string{"com.docker.network.driver.mtu": "1400"},
	}
	want := project.Network{
		Name: "shop_default", Key: "default", Project: "shop", Internal: true, NoIPv4: true, IPv6: true,
		Subnets: []project.Subnet{{
			Subnet: netip.MustParsePrefix("10.1.0.0/16"), Gateway: netip.MustParseAddr("10.1.0.1"), Range: netip.MustParsePrefix("10.1.4.0/24"),
			Reserved: map[string]netip.Addr{"nas": netip.MustParseAddr("10.1.0.9")},
		}, {Subnet: netip.MustParsePrefix("fd00::/64")}},
	}
	wanted := []string{
		"driver_opts.com.docker.network.driver.mtu: 1400 -> none",
		"internal: false -> true",
		"enable_ipv4: true -> false",
		"enable_ipv6: false -> true",
		"subnets: none -> 10.1.0.0/16 gateway=10.1.0.1 ip_range=10.1.4.0/24 aux_addresses.nas=10.1.0.9, fd00::/64",
		"labels.token changed",
	}
	if got := texts(diffNetwork(have, want)); !slices.Equal(got, wanted) {
		t.Errorf("got  %q\nwant %q", got, wanted)
	}
	want = have
	want.Driver = ""
	if why := diffNetwork(have, want); len(why) > 0 {
		t.Errorf("no driver is not the bridge: %v", why)
	}
}
