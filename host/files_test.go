package host

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

func onTwoNetworks() endpoint.Endpoint {
	place := func(address, gateway string) endpoint.Interface {
		return endpoint.Interface{Address: netip.MustParsePrefix(address), Gateway: netip.MustParseAddr(gateway)}
	}
	return endpoint.Endpoint{Interfaces: []endpoint.Interface{
		place("172.24.0.2/22", "172.24.0.1"), place("172.24.4.9/22", "172.24.4.1"),
	}}
}

func TestHostsNamesLocalhostTheExtraHostsAndTheContainer(t *testing.T) {
	got := string(hosts(hostsRequest{
		want: project.Container{ExtraHosts: []string{"db=10.0.0.7", "me=host-gateway", "six=2001:db8::1"}},
		name: "web", endpoint: onTwoNetworks(), gateway: netip.MustParseAddr("172.24.0.1"),
	}))
	if !strings.HasPrefix(got, "127.0.0.1\tlocalhost\n::1\tlocalhost ") {
		t.Errorf("localhost is not first:\n%s", got)
	}
	want := "10.0.0.7\tdb\n172.24.0.1\tme\n2001:db8::1\tsix\n172.24.0.2\tweb\n172.24.4.9\tweb\n"
	if !strings.HasSuffix(got, want) {
		t.Errorf("got:\n%s\nwant at its end:\n%s", got, want)
	}
}

func TestHostsWithoutANetworkHasNoGateway(t *testing.T) {
	got := string(hosts(hostsRequest{want: project.Container{ExtraHosts: []string{"me=host-gateway", "db=10.0.0.7"}}, name: "web"}))
	if strings.Contains(got, "me") || !strings.HasSuffix(got, "10.0.0.7\tdb\n") {
		t.Errorf("got:\n%s", got)
	}
}

func TestHostsHasTheFullNameOfAContainerWithADomain(t *testing.T) {
	e := onTwoNetworks()
	e.Interfaces[1].Address6 = netip.MustParsePrefix("fd00::9/64")
	got := string(hosts(hostsRequest{want: project.Container{Domainname: "example.com"}, name: "web", endpoint: e}))
	for _, want := range []string{"172.24.0.2\tweb.example.com web\n", "fd00::9\tweb.example.com web\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("got:\n%s\nwant in it:\n%s", got, want)
		}
	}
}

func TestResolvConfAsksTheSupervisorAndHasTheSearchDomainsOfTheContainerOrElseOfTheHost(t *testing.T) {
	const host = "# none\nnameserver 10.0.0.1\nsearch corp.example  example\noptions ndots:5\n"
	for _, c := range []struct {
		host string
		own  project.Resolver
		want string
	}{
		{"", project.Resolver{}, "options ndots:0\n"},
		{host, project.Resolver{}, "search corp.example example\noptions ndots:0\n"},
		{"search\nnameserver 10.0.0.1", project.Resolver{}, "options ndots:0\n"},
		{host, project.Resolver{Search: []string{"own.example"}}, "search own.example\noptions ndots:0\n"},
		{host, project.Resolver{Search: []string{"."}}, "options ndots:0\n"},
		{host, project.Resolver{Search: []string{}}, "options ndots:0\n"},
		{"", project.Resolver{Options: []string{"use-vc"}}, "options use-vc ndots:0\n"},
		{"", project.Resolver{Options: []string{"ndots:2"}}, "options ndots:2\n"},
		// Other servers are asked by ours.
		{"", project.Resolver{Servers: []netip.Addr{netip.MustParseAddr("9.9.9.9")}}, "options ndots:0\n"},
	} {
		if got, want := string(resolvConf([]byte(c.host), c.own)), "nameserver 127.0.0.11\n"+c.want; got != want {
			t.Errorf("of %q and %v: %q, want %q", c.host, c.own, got, want)
		}
	}
}

func TestInTheHostsNamespaceResolvConfIsTheHostsButForWhatTheContainerHas(t *testing.T) {
	const host = "nameserver 10.0.0.1\nsearch example\n"
	for _, c := range []struct {
		own  project.Resolver
		want string
	}{
		{project.Resolver{}, host},
		{project.Resolver{Servers: []netip.Addr{netip.MustParseAddr("9.9.9.9")}}, "nameserver 9.9.9.9\nsearch example\n"},
		{project.Resolver{Options: []string{"use-vc"}}, host + "options use-vc\n"},
	} {
		if got := string(hostResolv([]byte(host), c.own)); got != c.want {
			t.Errorf("with %v: %q, want %q", c.own, got, c.want)
		}
	}
}

// A mount stays with the file that it was made from.
func TestBoundFilesAreWrittenInPlace(t *testing.T) {
	dir := t.TempDir()
	if err := (texts{}).write(dir); err != nil {
		t.Fatal(err)
	}
	before := map[string]os.FileInfo{}
	for _, path := range files(dir) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		before[path] = info
	}
	if err := (texts{[]byte("shop\n"), []byte("h"), []byte("r")}).write(dir); err != nil {
		t.Fatal(err)
	}
	for path, was := range before {
		if info, err := os.Stat(path); err != nil || !os.SameFile(was, info) || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: another file, or not to be read: %v", path, err)
		}
	}
	if got, _ := os.ReadFile(files(dir)["/etc/hostname"]); string(got) != "shop\n" {
		t.Errorf("hostname is %q", got)
	}
}
