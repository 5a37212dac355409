package cmd

import (
	"bytes"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

// dockerNetwork are the flags of docker 29's network commands.
func dockerNetwork() map[string]string {
	return map[string]string{
		"create": "attachable aux-address config-from config-only driver gateway ingress internal ip-range ipam-driver ipam-opt " +
			"ipv4 ipv6 label opt scope subnet",
		"inspect": "format verbose",
		"ls":      "filter format no-trunc quiet",
		"prune":   "filter force",
		"rm":      "force",
	}
}

func TestEveryFlagOfDockerNetworkIsThereOrNamedAsAbsent(t *testing.T) {
	network := command(t, (&app{}).root(), "network")
	for name, flags := range dockerNetwork() {
		c := command(t, network, name)
		absent := absentFlags()["network "+name]
		for _, flag := range strings.Fields(flags) {
			if _, named := absent[flag]; named == (c.Flags().Lookup(flag) != nil) {
				t.Errorf("%s --%s: named as absent %v, and there %v", name, flag, named, !named)
			}
		}
		for flag := range absent {
			if !slices.Contains(strings.Fields(flags), flag) {
				t.Errorf("%s --%s is named as absent and is no flag of docker", name, flag)
			}
		}
	}
}

func TestEveryCommandOfDockerNetworkIsThereOrNamedAsAbsent(t *testing.T) {
	network := command(t, (&app{}).root(), "network")
	for _, name := range strings.Fields("connect create disconnect inspect ls prune rm") {
		there := slices.ContainsFunc(network.Commands(), func(c *cobra.Command) bool { return c.Name() == name })
		absent := slices.ContainsFunc(absentNetworkCommands(), func(c absentCommand) bool { return c.name == name })
		if there == absent {
			t.Errorf("%s: there %v, named as absent %v", name, there, absent)
		}
	}
}

// aNetwork is one with everything.
func aNetwork() host.Network {
	nas := map[string]netip.Addr{"nas": netip.MustParseAddr("10.20.0.9")}
	subnet, part := netip.MustParsePrefix("10.20.0.0/24"), netip.MustParsePrefix("10.20.0.128/25")
	subnet6 := netip.MustParsePrefix("fd12:3456:789a::/64")
	return host.Network{
		Record: networks.Record{
			Network: project.Network{
				Name: "shop_front", Key: "front", Project: "shop", IPv6: true, Internal: true,
				Options: map[string]string{"com.docker.network.driver.mtu": "1400"},
				Subnets: []project.Subnet{{Subnet: subnet, Range: part, Reserved: nas}},
			},
			Pools: []networks.Pool{
				{Subnet: subnet, Gateway: netip.MustParseAddr("10.20.0.1"), Range: part, Reserved: []netip.Addr{nas["nas"]}},
				{Subnet: subnet6, Gateway: netip.MustParseAddr("fd12:3456:789a::1"), Range: subnet6},
			},
			Link:      "gc-abc",
			CreatedAt: time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC),
		},
		ID:        strings.Repeat("0123456789abcdef", 4),
		AllLabels: map[string]string{"com.docker.compose.project": "shop", "tier": "<front>"},
		Attached: []host.AttachedTo{{
			Interface: endpoint.Interface{
				Network: "shop_front", Name: "eth0", MAC: "02:42:0a:14:00:82",
				Address: netip.MustParsePrefix("10.20.0.130/24"), Address6: netip.MustParsePrefix("fd12:3456:789a::2/64"),
			},
			Container: "shop-web-1.abc", Name: "shop-web-1", EndpointID: strings.Repeat("fedcba9876543210", 4),
		}},
		Users: []string{"shop-web-1"},
	}
}

func bare(name string) host.Network {
	created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return host.Network{
		Record: networks.Record{Network: project.Network{Name: name}, CreatedAt: created},
		ID:     "00" + strings.Repeat("f", 62),
	}
}

func TestNetworksAreShownInDockersForms(t *testing.T) {
	both := []host.Network{bare("backbone"), aNetwork()}
	var inspected []networkInspection
	for _, n := range both {
		inspected = append(inspected, inspectNetwork(n))
	}
	var out bytes.Buffer
	a := &app{Streams: Streams{Out: &out}}
	for file, write := range map[string]func() error{
		"inspect.json": func() error { return printResources(&out, rows{}, "", inspected) },
		"none.json":    func() error { return printResources(&out, rows{}, "json", []networkInspection{}) },
		"ls.json":      func() error { return a.printNetworks(both, networkListFlags{format: "json"}, rows{}) },
		"ls.txt":       func() error { return a.printNetworks(both, networkListFlags{format: "table"}, rows{}) },
		"ids.txt": func() error {
			return a.printNetworks(both, networkListFlags{format: "json", quiet: true, noTrunc: true}, rows{})
		},
	} {
		out.Reset()
		if err := write(); err != nil {
			t.Fatal(err)
		}
		golden(t, "network/"+file, out.String())
	}
}

func TestTemplatesHaveDockersNamesOfFields(t *testing.T) {
	for format, want := range map[string]string{
		"{{.ID}} {{.Name}}":                            aNetwork().ID + " shop_front",
		"{{.Id}} {{.Name}}":                            aNetwork().ID + " shop_front",
		"{{range .IPAM.Config}}{{.Subnet}} {{end}}":    "10.20.0.0/24 fd12:3456:789a::/64 ",
		"{{range .Containers}}{{.IPv4Address}}{{end}}": "10.20.0.130/24",
		`{{index .Labels "tier"}}{{json .Options}}`:    `<front>{"com.docker.network.driver.mtu":"1400"}`,
	} {
		r, err := inspectionRows(format)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		err = printResources(&out, r, format, []networkInspection{inspectNetwork(aNetwork())})
		if err != nil || out.String() != want+"\n" {
			t.Errorf("%s: %q, %v; want %q", format, out.String(), err, want)
		}
	}
	r, err := inspectionRows("{{.Nonsense}}")
	if err != nil {
		t.Fatal(err)
	}
	if err := resourceLine(&strings.Builder{}, r, inspectNetwork(aNetwork())); err == nil {
		t.Error("a field that is none is taken")
	}
}

func TestEveryFieldOfANetworksRowHasAHeader(t *testing.T) {
	text, err := jsonText(networkRow{})
	if err != nil {
		t.Fatal(err)
	}
	for field := range networkHeaders() {
		if !strings.Contains(text, `"`+field+`":`) {
			t.Errorf("%s is no field", field)
		}
	}
	if fields, titles := strings.Count(text, `":`), len(networkHeaders()); fields != titles {
		t.Errorf("%d fields, %d headers", fields, titles)
	}
}

func TestNetworksAreFoundByNameAndByWhatTheirIDsBeginWith(t *testing.T) {
	first, second, third := bare("first"), bare("second"), bare("0a")
	first.ID, second.ID, third.ID = "0a1"+first.ID[3:], "0a2"+second.ID[3:], "0b"+third.ID[2:]
	all := []host.Network{first, second, third}
	for name, want := range map[string]string{
		"first": "first", second.ID: "second", "0a2": "second", "0a": "0a", "0b": "0a", "0a1f": "first",
	} {
		if n, err := networkNamed(all, name); err != nil || n.Name != want {
			t.Errorf("%s: %s, %v; want %s", name, n.Name, err, want)
		}
	}
	for name, want := range map[string]string{"0": "ambiguous", "": "not found", "firs": "not found"} {
		if n, err := networkNamed(all, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v; want it %s", name, n.Name, err, want)
		}
	}
}

func TestFiltersOfNetworks(t *testing.T) {
	bridge, lan := bare(project.DefaultBridge), bare("lan")
	lan.Driver = project.DriverMacvlan
	all := []host.Network{bridge, lan, aNetwork()}
	for filters, want := range map[string]string{
		"":                                "bridge lan shop_front",
		"name=shop":                       "shop_front",
		"name=^bridge$ name=lan":          "bridge lan",
		"name=^front":                     "",
		"id=^0123456789ab":                "shop_front",
		"driver=bridge":                   "bridge shop_front",
		"driver=bridge name=shop":         "shop_front",
		"label=tier":                      "shop_front",
		"label=tier=back":                 "",
		"label=tier=<front> label=colour": "",
		"label!=tier":                     "bridge lan",
		"type=builtin":                    "bridge",
		"type=custom":                     "lan shop_front",
		"type=custom type=builtin":        "bridge lan shop_front",
		"dangling=true":                   "lan",
		"dangling=0":                      "bridge shop_front",
		"scope=local":                     "bridge lan shop_front",
		"scope=swarm":                     "",
		"until=2026-02-01T00:00:00Z":      "bridge lan",
		"until=1h":                        "bridge lan shop_front",
		"until=48h until=1h":              "bridge lan",
	} {
		now := aNetwork().CreatedAt.Add(24 * time.Hour)
		f, err := newNetworkFilters(strings.Fields(filters),
			[]string{"dangling", "driver", "id", "label", "label!", "name", "scope", "type", "until"}, now)
		if err != nil {
			t.Errorf("%s: %v", filters, err)
			continue
		}
		var got []string
		for _, n := range all {
			if f.accept(n) {
				got = append(got, n.Name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", filters, got, want)
		}
	}
}

func TestANetworkIsRemovedOnceAndWhatCannotBeIsToldOf(t *testing.T) {
	all := []host.Network{bare(project.DefaultBridge), aNetwork()}
	asked := map[string]string{}
	s := removals(all, []string{"shop_front", "0123", "gone", "bridge"}, false, asked)
	if len(s.remove) != 1 || s.remove[0].Name != "shop_front" || asked["shop_front"] != "shop_front" {
		t.Errorf("%+v, asked for as %v", s.remove, asked)
	}
	for _, want := range []string{"network gone not found", "network bridge cannot be removed"} {
		if s.refused == nil || !strings.Contains(s.refused.Error(), want) {
			t.Errorf("%v: want %s", s.refused, want)
		}
	}
	if s := removals(all, []string{"gone"}, true, asked); s.refused != nil || !s.empty() {
		t.Errorf("--force: %+v", s)
	}
}

func TestOnlyNetworksWithoutContainersArePruned(t *testing.T) {
	stopped, attached := bare("stopped"), bare("attached")
	stopped.Users = []string{"shop-web-1"}
	attached.Attached = aNetwork().Attached
	got := (&app{}).networkKind().names(unused([]host.Network{bare(project.DefaultBridge), stopped, attached, bare("free")}, nil))
	if !slices.Equal(got, []string{"free"}) {
		t.Errorf("%v, want the one that is free", got)
	}
}

func TestFlagsOfANewNetwork(t *testing.T) {
	f := networkCreateFlags{
		driver: "bridge", ipamDriver: "default", ipv4: true, ipv6: true, internal: true,
		subnets:  []string{"10.20.0.0/24", "fd00:1::/64"},
		gateways: []string{"fd00:1::9", "10.20.0.9"},
		ranges:   []string{"10.20.0.128/25"},
		reserved: []string{"nas=10.20.0.7", "host=fd00:1::7"},
		options:  []string{"com.docker.network.driver.mtu=1400"},
		labels:   []string{"tier=back", "marked"},
	}
	got, err := f.network("backbone")
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	want := project.Network{
		Name: "backbone", Driver: "bridge", Internal: true, IPv6: true,
		Options: map[string]string{"com.docker.network.driver.mtu": "1400"},
		Labels:  map[string]string{"tier": "back", "marked": ""},
		Subnets: []project.Subnet{
			{
				Subnet: prefix("10.20.0.0/24"), Gateway: addr("10.20.0.9"), Range: prefix("10.20.0.128/25"),
				Reserved: map[string]netip.Addr{"nas": addr("10.20.0.7")},
			},
			{Subnet: prefix("fd00:1::/64"), Gateway: addr("fd00:1::9"), Reserved: map[string]netip.Addr{"host": addr("fd00:1::7")}},
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestASubnetOfIPv6IsEnoughForANewNetworkToHaveIt(t *testing.T) {
	if n, err := flagsOf(t, "--subnet fd00:1::/64"); err != nil || !n.IPv6 {
		t.Errorf("%+v, %v", n, err)
	}
}

func TestWhatIsWrongWithANewNetworkIsToldOfItsFlags(t *testing.T) {
	for flags, want := range map[string]string{
		"--gateway 10.20.0.1":                                               "--gateway 10.20.0.1: it needs a --subnet",
		"--subnet 10.20.0.0/24 --gateway 10.30.0.1":                         "--gateway 10.30.0.1: it is of no --subnet",
		"--subnet 10.20.0.0/24 --gateway 10.20.0.1,10.20.0.2":               "has the gateway 10.20.0.1 already",
		"--subnet 10.20.0.0/24 --gateway x":                                 `--gateway: "x" is not an IP address`,
		"--subnet 10.20.0.0/24 --ip-range 10.20.0.0/16":                     "--ip-range: 10.20.0.0/16 is not within",
		"--subnet 10.20.0.0/24 --aux-address nas=10.20.0.0":                 "--aux-address nas: 10.20.0.0 is the first",
		"--subnet 10.20.0.0/24 --aux-address 10.20.0.7":                     `invalid --aux-address "10.20.0.7": NAME=ADDRESS`,
		"--subnet 10.20.0.0/24 --aux-address a=10.20.0.7 --aux-address a=1": "there is an address of that name already",
		"--subnet 10.20.0.0":                                                "--subnet: \"10.20.0.0\" is not a subnet",
		"--ipv4=false":                                                      "--ipv4: leaves the network without addresses; set --ipv6",
		"--subnet 10.20.0.0/24 --ipv4=false --ipv6":                         "is of IPv4, which the network does not have; remove it, or --ipv4=false",
		"--driver overlay":                                                  "--driver: not supported yet: only bridge",
		"--ipam-driver dhcp":                                                "--ipam-driver: not supported yet",
		"-o com.docker.network.driver.mtu=many":                             `--opt com.docker.network.driver.mtu: "many" is not a number`,
		"-o =x":                                                             `invalid --opt "=x"`,
	} {
		_, err := flagsOf(t, flags)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", flags, err, want)
		}
	}
	f := networkCreateFlags{ipv4: true}
	if _, err := f.network("bridge"); err == nil || err.Error() != `"bridge" is a network that every host has; choose another name` {
		t.Errorf("bridge: %v", err)
	}
}

// flagsOf returns the network that the flags ask for.
func flagsOf(t *testing.T, line string) (project.Network, error) {
	t.Helper()
	var f networkCreateFlags
	flags := pflag.NewFlagSet("create", pflag.ContinueOnError)
	f.add(flags)
	if err := flags.Parse(strings.Fields(line)); err != nil {
		t.Fatal(err)
	}
	return f.network("a")
}
